"""The kinds that run pods, and the autoscaler.

Facts of the Kubernetes API (up to 1.37) in the language that the package explains.
"""

SHAPES = """
Deployment apiVersion:string kind:string metadata:ObjectMeta spec:DeploymentSpec! status:DeploymentStatus
ReplicaSet apiVersion:string kind:string metadata:ObjectMeta spec:ReplicaSetSpec! status:ReplicaSetStatus
DaemonSet apiVersion:string kind:string metadata:ObjectMeta spec:DaemonSetSpec! status:DaemonSetStatus
HorizontalPodAutoscaler apiVersion:string kind:string metadata:ObjectMeta spec:HorizontalPodAutoscalerSpec!
    status:HorizontalPodAutoscalerStatus
DeploymentSpec minReadySeconds:int paused:bool progressDeadlineSeconds:int replicas:int revisionHistoryLimit:int
    selector:LabelSelector! strategy:DeploymentStrategy^ template:PodTemplateSpec!
DeploymentStatus availableReplicas:int collisionCount:int conditions:[]DeploymentCondition~type observedGeneration:long
    readyReplicas:int replicas:int terminatingReplicas:int unavailableReplicas:int updatedReplicas:int
ReplicaSetSpec minReadySeconds:int replicas:int selector:LabelSelector! template:PodTemplateSpec
ReplicaSetStatus availableReplicas:int conditions:[]ReplicaSetCondition~type fullyLabeledReplicas:int
    observedGeneration:long readyReplicas:int replicas:int! terminatingReplicas:int
DaemonSetSpec minReadySeconds:int revisionHistoryLimit:int selector:LabelSelector! template:PodTemplateSpec!
    updateStrategy:DaemonSetUpdateStrategy
DaemonSetStatus collisionCount:int conditions:[]DaemonSetCondition~type currentNumberScheduled:int!
    desiredNumberScheduled:int! numberAvailable:int numberMisscheduled:int! numberReady:int! numberUnavailable:int
    observedGeneration:long updatedNumberScheduled:int
HorizontalPodAutoscalerSpec behavior:HorizontalPodAutoscalerBehavior maxReplicas:int! metrics:[]MetricSpec
    minReplicas:int scaleTargetRef:CrossVersionObjectReference!
HorizontalPodAutoscalerStatus conditions:[]HorizontalPodAutoscalerCondition currentMetrics:[]MetricStatus
    currentReplicas:int desiredReplicas:int! lastScaleTime:time observedGeneration:long
DeploymentStrategy rollingUpdate:RollingUpdateDeployment type:string
DeploymentCondition lastTransitionTime:time lastUpdateTime:time message:string reason:string status:string type:string
ReplicaSetCondition lastTransitionTime:time message:string reason:string status:string type:string
DaemonSetUpdateStrategy rollingUpdate:RollingUpdateDaemonSet type:string
DaemonSetCondition lastTransitionTime:time message:string reason:string status:string type:string
HorizontalPodAutoscalerBehavior scaleDown:HPAScalingRules scaleUp:HPAScalingRules
MetricSpec containerResource:ContainerResourceMetricSource external:ExternalMetricSource object:ObjectMetricSource
    pods:PodsMetricSource resource:ResourceMetricSource type:string!
CrossVersionObjectReference apiVersion:string kind:string! name:string!
HorizontalPodAutoscalerCondition lastTransitionTime:time message:string observedGeneration:int reason:string
    status:string! type:string!
MetricStatus containerResource:ContainerResourceMetricStatus external:ExternalMetricStatus object:ObjectMetricStatus
    pods:PodsMetricStatus resource:ResourceMetricStatus type:string!
RollingUpdateDeployment maxSurge:intstr maxUnavailable:intstr
RollingUpdateDaemonSet maxSurge:intstr maxUnavailable:intstr
HPAScalingRules policies:[]HPAScalingPolicy selectPolicy:string stabilizationWindowSeconds:int tolerance:string
ContainerResourceMetricSource container:string! name:string! target:MetricTarget!
ExternalMetricSource metric:MetricIdentifier! target:MetricTarget!
ObjectMetricSource describedObject:CrossVersionObjectReference! metric:MetricIdentifier! target:MetricTarget!
PodsMetricSource metric:MetricIdentifier! target:MetricTarget!
ResourceMetricSource name:string! target:MetricTarget!
ContainerResourceMetricStatus container:string! current:MetricValueStatus! name:string!
ExternalMetricStatus current:MetricValueStatus! metric:MetricIdentifier!
ObjectMetricStatus current:MetricValueStatus! describedObject:CrossVersionObjectReference! metric:MetricIdentifier!
PodsMetricStatus current:MetricValueStatus! metric:MetricIdentifier!
ResourceMetricStatus current:MetricValueStatus! name:string!
HPAScalingPolicy periodSeconds:int! type:string! value:int!
MetricTarget averageUtilization:int averageValue:quantity type:string! value:quantity
MetricIdentifier name:string! selector:LabelSelector
MetricValueStatus averageUtilization:int averageValue:quantity value:quantity
"""
