"""The other kinds of the core, and those that say where pods are and what happened.

Facts of the Kubernetes API (up to 1.37) in the language that the package explains.
"""

SHAPES = """
Service apiVersion:string kind:string metadata:ObjectMeta spec:ServiceSpec status:ServiceStatus
Endpoints apiVersion:string kind:string metadata:ObjectMeta subsets:[]EndpointSubset
EndpointSlice addressType:string! apiVersion:string endpoints:[]SliceEndpoint kind:string metadata:ObjectMeta
    ports:[]SlicePort
Event action:string apiVersion:string count:int eventTime:microtime firstTimestamp:time involvedObject:ObjectReference!
    kind:string lastTimestamp:time message:string metadata:ObjectMeta! reason:string related:ObjectReference
    reportingComponent:string reportingInstance:string series:EventSeries source:EventSource type:string
NewEvent action:string apiVersion:string deprecatedCount:int deprecatedFirstTimestamp:time deprecatedLastTimestamp:time
    deprecatedSource:EventSource eventTime:microtime! kind:string metadata:ObjectMeta note:string reason:string
    regarding:ObjectReference related:ObjectReference reportingController:string reportingInstance:string
    series:NewEventSeries type:string
Namespace apiVersion:string kind:string metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
Node apiVersion:string kind:string metadata:ObjectMeta spec:NodeSpec status:NodeStatus
ConfigMap apiVersion:string binaryData:{}bytes data:{}string immutable:bool kind:string metadata:ObjectMeta
Secret apiVersion:string data:{}bytes immutable:bool kind:string metadata:ObjectMeta stringData:{}string type:string
Lease apiVersion:string kind:string metadata:ObjectMeta spec:LeaseSpec
ServiceSpec allocateLoadBalancerNodePorts:bool clusterIP:string clusterIPs:[]string externalIPs:[]string
    externalName:string externalTrafficPolicy:string healthCheckNodePort:int internalTrafficPolicy:string
    ipFamilies:[]string ipFamilyPolicy:string loadBalancerClass:string loadBalancerIP:string
    loadBalancerSourceRanges:[]string ports:[]ServicePort~port publishNotReadyAddresses:bool selector:{}string
    sessionAffinity:string sessionAffinityConfig:SessionAffinityConfig trafficDistribution:string type:string
ServiceStatus conditions:[]Condition~type loadBalancer:LoadBalancerStatus
EndpointSubset addresses:[]EndpointAddress notReadyAddresses:[]EndpointAddress ports:[]EndpointPort
SliceEndpoint addresses:[]string! conditions:SliceEndpointConditions deprecatedTopology:{}string
    hints:SliceEndpointHints hostname:string nodeName:string targetRef:ObjectReference zone:string
SlicePort appProtocol:string name:string port:int protocol:string
EventSeries count:int lastObservedTime:microtime
EventSource component:string host:string
NewEventSeries count:int! lastObservedTime:microtime!
NamespaceSpec finalizers:[]string
NamespaceStatus conditions:[]NamespaceCondition~type phase:string
NodeSpec configSource:NodeConfigSource externalID:string podCIDR:string podCIDRs:[]string~
    podPreemptionPolicy:NodePodPreemptionPolicy providerID:string taints:[]Taint unschedulable:bool
NodeStatus addresses:[]NodeAddress~type allocatable:{}quantity capacity:{}quantity conditions:[]NodeCondition~type
    config:NodeConfigStatus daemonEndpoints:NodeDaemonEndpoints declaredFeatures:[]string features:NodeFeatures
    images:[]ContainerImage nodeInfo:NodeSystemInfo phase:string runtimeHandlers:[]NodeRuntimeHandler
    volumesAttached:[]AttachedVolume volumesInUse:[]string
LeaseSpec acquireTime:microtime holderIdentity:string leaseDurationSeconds:int leaseTransitions:int
    preferredHolder:string renewTime:microtime strategy:string
ServicePort appProtocol:string name:string nodePort:int port:int! protocol:string targetPort:intstr
SessionAffinityConfig clientIP:ClientIPConfig
LoadBalancerStatus ingress:[]LoadBalancerIngress
EndpointAddress hostname:string ip:string! nodeName:string targetRef:ObjectReference
EndpointPort appProtocol:string name:string port:int! protocol:string
SliceEndpointConditions ready:bool serving:bool terminating:bool
SliceEndpointHints forNodes:[]ForNode forZones:[]ForZone
NamespaceCondition lastTransitionTime:time message:string reason:string status:string! type:string!
NodeConfigSource configMap:ConfigMapNodeConfigSource
NodePodPreemptionPolicy disableResizePreemption:[]string
Taint effect:string! key:string! timeAdded:time value:string
NodeAddress address:string! type:string!
NodeCondition lastHeartbeatTime:time lastTransitionTime:time message:string reason:string status:string! type:string!
NodeConfigStatus active:NodeConfigSource assigned:NodeConfigSource error:string lastKnownGood:NodeConfigSource
NodeDaemonEndpoints kubeletEndpoint:DaemonEndpoint
NodeFeatures supplementalGroupsPolicy:bool
ContainerImage names:[]string sizeBytes:long
NodeSystemInfo architecture:string! bootID:string! containerRuntimeVersion:string! kernelVersion:string!
    kubeProxyVersion:string! kubeletVersion:string! machineID:string! operatingSystem:string! osImage:string!
    runningInUserNamespace:bool swap:NodeSwapStatus systemUUID:string!
NodeRuntimeHandler features:NodeRuntimeHandlerFeatures name:string
AttachedVolume devicePath:string! name:string!
ClientIPConfig timeoutSeconds:int
LoadBalancerIngress hostname:string ip:string ipMode:string ports:[]PortStatus
ForNode name:string!
ForZone name:string!
ConfigMapNodeConfigSource kubeletConfigKey:string! name:string! namespace:string! resourceVersion:string uid:string
DaemonEndpoint Port:int!
NodeSwapStatus capacity:int
NodeRuntimeHandlerFeatures recursiveReadOnlyMounts:bool userNamespaces:bool
PortStatus error:string port:int! protocol:string!
"""
