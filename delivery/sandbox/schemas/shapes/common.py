"""What objects of every kind have, and small shapes that many kinds share.

Facts of the Kubernetes API (up to 1.37) in the language that the package explains.
"""

SHAPES = """
ObjectMeta annotations:{}string creationTimestamp:time deletionGracePeriodSeconds:long deletionTimestamp:time
    finalizers:[]string~ generateName:string generation:long labels:{}string managedFields:[]ManagedFieldsEntry
    name:string namespace:string ownerReferences:[]OwnerReference~uid resourceVersion:string selfLink:string uid:string
LabelSelector matchExpressions:[]LabelSelectorRequirement matchLabels:{}string
Condition lastTransitionTime:time! message:string! observedGeneration:long reason:string! status:string! type:string!
ObjectReference apiVersion:string fieldPath:string kind:string name:string namespace:string resourceVersion:string
    uid:string
LocalObjectReference name:string
ListMeta continue:string remainingItemCount:long resourceVersion:string selfLink:string shardInfo:ShardInfo
Status apiVersion:string code:int details:StatusDetails kind:string message:string metadata:ListMeta reason:string
    status:string
DeleteOptions apiVersion:string dryRun:[]string gracePeriodSeconds:long
    ignoreStoreReadErrorWithClusterBreakingPotential:bool kind:string orphanDependents:bool preconditions:Preconditions
    propagationPolicy:string
Scale apiVersion:string kind:string metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
ManagedFieldsEntry apiVersion:string fieldsType:string fieldsV1:any manager:string operation:string
    subresource:string time:time
OwnerReference apiVersion:string! blockOwnerDeletion:bool controller:bool kind:string! name:string! uid:string!
LabelSelectorRequirement key:string! operator:string! values:[]string
ShardInfo selector:string!
StatusDetails causes:[]StatusCause group:string kind:string name:string retryAfterSeconds:int uid:string
Preconditions resourceVersion:string uid:string
ScaleSpec replicas:int
ScaleStatus replicas:int! selector:string
StatusCause field:string message:string reason:string
"""
