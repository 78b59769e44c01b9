"""Pods: everything in their spec but volumes.

Facts of the Kubernetes API (up to 1.37) in the language that the package explains.
"""

SHAPES = """
Pod apiVersion:string kind:string metadata:ObjectMeta spec:PodSpec status:PodStatus
PodTemplateSpec metadata:ObjectMeta spec:PodSpec
PodSpec activeDeadlineSeconds:long affinity:Affinity automountServiceAccountToken:bool containers:[]Container!~name
    dnsConfig:PodDNSConfig dnsPolicy:string enableServiceLinks:bool ephemeralContainers:[]EphemeralContainer~name
    evictionResponders:[]EvictionResponder hostAliases:[]HostAlias~ip hostIPC:bool hostNetwork:bool hostPID:bool
    hostUsers:bool hostname:string hostnameOverride:string imagePullSecrets:[]LocalObjectReference~name
    initContainers:[]Container~name nodeName:string nodeSelector:{}string os:PodOS overhead:{}quantity
    preemptionPolicy:string priority:int priorityClassName:string readinessGates:[]PodReadinessGate
    resourceClaims:[]PodResourceClaim resources:ResourceRequirements restartPolicy:string runtimeClassName:string
    schedulerName:string schedulingGates:[]PodSchedulingGate schedulingGroup:PodSchedulingGroup
    securityContext:PodSecurityContext serviceAccount:string serviceAccountName:string setHostnameAsFQDN:bool
    shareProcessNamespace:bool subdomain:string terminationGracePeriodSeconds:long tolerations:[]Toleration
    topologySpreadConstraints:[]TopologySpreadConstraint~topologyKey volumes:[]Volume~name^
PodStatus allocatedResources:{}string conditions:[]PodCondition~type containerStatuses:[]ContainerStatus
    ephemeralContainerStatuses:[]ContainerStatus extendedResourceClaimStatus:PodExtendedResourceClaimStatus
    hostIP:string hostIPs:[]HostIP initContainerStatuses:[]ContainerStatus message:string
    nodeAllocatableResourceClaimStatuses:[]NodeAllocatableResourceClaimStatus nominatedNodeName:string
    observedGeneration:int phase:string podIP:string podIPs:[]PodIP~ip qosClass:string reason:string resize:string
    resourceClaimStatuses:[]PodResourceClaimStatus resources:ResourceRequirements startTime:time
    volumeHealth:[]PodVolumeHealth
Affinity nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAntiAffinity
Container args:[]string command:[]string env:[]EnvVar~name envFrom:[]EnvFromSource image:string imagePullPolicy:string
    lifecycle:Lifecycle livenessProbe:Probe name:string! ports:[]ContainerPort~containerPort readinessProbe:Probe
    resizePolicy:[]ContainerResizePolicy resources:ResourceRequirements restartPolicy:string
    restartPolicyRules:[]ContainerRestartRule securityContext:SecurityContext startupProbe:Probe stdin:bool
    stdinOnce:bool terminationMessagePath:string terminationMessagePolicy:string tty:bool
    volumeDevices:[]VolumeDevice~devicePath volumeMounts:[]VolumeMount~mountPath workingDir:string
PodDNSConfig nameservers:[]string options:[]PodDNSConfigOption searches:[]string
EphemeralContainer args:[]string command:[]string env:[]EnvVar~name envFrom:[]EnvFromSource image:string
    imagePullPolicy:string lifecycle:Lifecycle livenessProbe:Probe name:string! ports:[]ContainerPort
    readinessProbe:Probe resizePolicy:[]ContainerResizePolicy resources:ResourceRequirements restartPolicy:string
    restartPolicyRules:[]ContainerRestartRule securityContext:SecurityContext startupProbe:Probe stdin:bool
    stdinOnce:bool targetContainerName:string terminationMessagePath:string terminationMessagePolicy:string tty:bool
    volumeDevices:[]VolumeDevice~devicePath volumeMounts:[]VolumeMount~mountPath workingDir:string
EvictionResponder name:string! priority:int!
HostAlias hostnames:[]string ip:string!
PodOS name:string!
PodReadinessGate conditionType:string!
PodResourceClaim name:string! resourceClaimName:string resourceClaimTemplateName:string
ResourceRequirements claims:[]ResourceClaim limits:{}quantity requests:{}quantity
PodSchedulingGate name:string!
PodSchedulingGroup podGroupName:string
PodSecurityContext appArmorProfile:AppArmorProfile fsGroup:long fsGroupChangePolicy:string runAsGroup:long
    runAsNonRoot:bool runAsUser:long seLinuxChangePolicy:string seLinuxOptions:SELinuxOptions
    seccompProfile:SeccompProfile supplementalGroups:[]long supplementalGroupsPolicy:string sysctls:[]Sysctl
    windowsOptions:WindowsSecurityContextOptions
Toleration effect:string key:string operator:string tolerationSeconds:long value:string
TopologySpreadConstraint labelSelector:LabelSelector matchLabelKeys:[]string maxSkew:int! minDomains:int
    nodeAffinityPolicy:string nodeTaintsPolicy:string topologyKey:string! whenUnsatisfiable:string!
PodCondition lastProbeTime:time lastTransitionTime:time message:string observedGeneration:int reason:string
    status:string! type:string!
ContainerStatus allocatedResources:{}string allocatedResourcesStatus:[]ResourceStatus containerID:string image:string!
    imageID:string! lastState:ContainerState name:string! ready:bool! resources:ResourceRequirements restartCount:int!
    started:bool state:ContainerState stopSignal:string user:ContainerUser volumeMounts:[]VolumeMountStatus
PodExtendedResourceClaimStatus requestMappings:[]ContainerExtendedResourceRequest! resourceClaimName:string!
HostIP ip:string!
NodeAllocatableResourceClaimStatus containers:[]string mapping:[]NodeAllocatableMappedResources
    overhead:[]NodeAllocatableOverheadResources resourceClaimName:string!
PodIP ip:string!
PodResourceClaimStatus name:string! resourceClaimName:string
PodVolumeHealth healthConditions:[]VolumeHealthCondition lastTransitionTime:time name:string!
NodeAffinity preferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
    requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
PodAffinity preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
    requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
PodAntiAffinity preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
    requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
EnvVar name:string! value:string valueFrom:EnvVarSource
EnvFromSource configMapRef:ConfigMapEnvSource prefix:string secretRef:SecretEnvSource
Lifecycle postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:string
Probe exec:ExecAction failureThreshold:int grpc:GRPCAction httpGet:HTTPGetAction initialDelaySeconds:int
    periodSeconds:int successThreshold:int tcpSocket:TCPSocketAction terminationGracePeriodSeconds:int
    timeoutSeconds:int
ContainerPort containerPort:int! hostIP:string hostPort:int name:string protocol:string
ContainerResizePolicy resourceName:string! restartPolicy:string!
ContainerRestartRule action:string! exitCodes:ContainerRestartRuleOnExitCodes
SecurityContext allowPrivilegeEscalation:bool appArmorProfile:AppArmorProfile capabilities:Capabilities privileged:bool
    procMount:string readOnlyRootFilesystem:bool runAsGroup:long runAsNonRoot:bool runAsUser:long
    seLinuxOptions:SELinuxOptions seccompProfile:SeccompProfile windowsOptions:WindowsSecurityContextOptions
VolumeDevice devicePath:string! name:string!
VolumeMount bindMountOptions:[]string mountPath:string! mountPropagation:string name:string! readOnly:bool
    recursiveReadOnly:string subPath:string subPathExpr:string
PodDNSConfigOption name:string value:string
ResourceClaim name:string! request:string
AppArmorProfile localhostProfile:string type:string!
SELinuxOptions level:string role:string type:string user:string
SeccompProfile localhostProfile:string type:string!
Sysctl name:string! value:string!
WindowsSecurityContextOptions gmsaCredentialSpec:string gmsaCredentialSpecName:string hostProcess:bool
    runAsUserName:string
ResourceStatus name:string! resources:[]ResourceHealth
ContainerState running:ContainerStateRunning terminated:ContainerStateTerminated waiting:ContainerStateWaiting
ContainerUser linux:LinuxContainerUser
VolumeMountStatus mountPath:string! name:string! readOnly:bool recursiveReadOnly:string volumeStatus:VolumeStatus
ContainerExtendedResourceRequest containerName:string! requestName:string! resourceName:string!
NodeAllocatableMappedResources name:string! quantity:string!
NodeAllocatableOverheadResources name:string! perContainer:string perPod:string
VolumeHealthCondition message:string reason:string! status:string!
PreferredSchedulingTerm preference:NodeSelectorTerm! weight:int!
NodeSelector nodeSelectorTerms:[]NodeSelectorTerm!
WeightedPodAffinityTerm podAffinityTerm:PodAffinityTerm! weight:int!
PodAffinityTerm labelSelector:LabelSelector matchLabelKeys:[]string mismatchLabelKeys:[]string
    namespaceSelector:LabelSelector namespaces:[]string topologyKey:string!
EnvVarSource configMapKeyRef:ConfigMapKeySelector fieldRef:ObjectFieldSelector fileKeyRef:FileKeySelector
    resourceFieldRef:ResourceFieldSelector secretKeyRef:SecretKeySelector
ConfigMapEnvSource name:string optional:bool
SecretEnvSource name:string optional:bool
LifecycleHandler exec:ExecAction httpGet:HTTPGetAction sleep:SleepAction tcpSocket:TCPSocketAction
ExecAction command:[]string
GRPCAction mode:string port:int! service:string
HTTPGetAction host:string httpHeaders:[]HTTPHeader path:string port:intstr! protocol:string scheme:string
TCPSocketAction host:string port:intstr!
ContainerRestartRuleOnExitCodes operator:string! values:[]int
Capabilities add:[]string drop:[]string
ResourceHealth health:string message:string resourceID:string!
ContainerStateRunning startedAt:time
ContainerStateTerminated containerID:string exitCode:int! finishedAt:time message:string reason:string signal:int
    startedAt:time
ContainerStateWaiting message:string reason:string
LinuxContainerUser gid:int! supplementalGroups:[]int uid:int!
VolumeStatus image:ImageVolumeStatus
NodeSelectorTerm matchExpressions:[]NodeSelectorRequirement matchFields:[]NodeSelectorRequirement
ConfigMapKeySelector key:string! name:string optional:bool
ObjectFieldSelector apiVersion:string fieldPath:string!
FileKeySelector key:string! optional:bool path:string! volumeName:string!
ResourceFieldSelector containerName:string divisor:quantity resource:string!
SecretKeySelector key:string! name:string optional:bool
SleepAction seconds:int!
HTTPHeader name:string! value:string!
ImageVolumeStatus imageRef:string!
NodeSelectorRequirement key:string! operator:string! values:[]string
"""
