"""Identities and what they may do; the definitions of custom kinds.

Facts of the Kubernetes API (up to 1.37) in the language that the package explains.
"""

SHAPES = """
ServiceAccount apiVersion:string automountServiceAccountToken:bool imagePullSecrets:[]LocalObjectReference kind:string
    metadata:ObjectMeta secrets:[]ObjectReference~name
Role apiVersion:string kind:string metadata:ObjectMeta rules:[]PolicyRule
RoleBinding apiVersion:string kind:string metadata:ObjectMeta roleRef:RoleRef! subjects:[]Subject
ClusterRole aggregationRule:AggregationRule apiVersion:string kind:string metadata:ObjectMeta rules:[]PolicyRule
ClusterRoleBinding apiVersion:string kind:string metadata:ObjectMeta roleRef:RoleRef! subjects:[]Subject
CustomResourceDefinition apiVersion:string kind:string metadata:ObjectMeta spec:CustomResourceDefinitionSpec!
    status:CustomResourceDefinitionStatus
PolicyRule apiGroups:[]string nonResourceURLs:[]string resourceNames:[]string resources:[]string verbs:[]string!
RoleRef apiGroup:string kind:string! name:string!
Subject apiGroup:string kind:string! name:string! namespace:string
AggregationRule clusterRoleSelectors:[]LabelSelector
CustomResourceDefinitionSpec conversion:CustomResourceConversion group:string! names:CustomResourceDefinitionNames!
    preserveUnknownFields:bool scope:string! versions:[]CustomResourceDefinitionVersion!
CustomResourceDefinitionStatus acceptedNames:CustomResourceDefinitionNames
    conditions:[]CustomResourceDefinitionCondition observedGeneration:int storedVersions:[]string
CustomResourceConversion strategy:string! webhook:WebhookConversion
CustomResourceDefinitionNames categories:[]string kind:string! listKind:string plural:string! shortNames:[]string
    singular:string
CustomResourceDefinitionVersion additionalPrinterColumns:[]CustomResourceColumnDefinition deprecated:bool
    deprecationWarning:string name:string! schema:CustomResourceValidation selectableFields:[]SelectableField
    served:bool! storage:bool! subresources:CustomResourceSubresources
CustomResourceDefinitionCondition lastTransitionTime:time message:string observedGeneration:int reason:string
    status:string! type:string!
WebhookConversion clientConfig:WebhookClientConfig conversionReviewVersions:[]string!
CustomResourceColumnDefinition description:string format:string jsonPath:string! name:string! priority:int type:string!
CustomResourceValidation openAPIV3Schema:JSONSchemaProps
SelectableField jsonPath:string!
CustomResourceSubresources scale:CustomResourceSubresourceScale status:CustomResourceSubresourceStatus
CustomResourceSubresourceStatus
WebhookClientConfig caBundle:bytes service:ServiceReference url:string
JSONSchemaProps $ref:string $schema:string additionalItems:any additionalProperties:any allOf:[]JSONSchemaProps
    anyOf:[]JSONSchemaProps default:any definitions:{}JSONSchemaProps dependencies:{}any description:string
    enum:[]any example:any exclusiveMaximum:bool exclusiveMinimum:bool externalDocs:ExternalDocumentation format:string
    id:string items:any maxItems:long maxLength:long maxProperties:long maximum:number minItems:long minLength:long
    minProperties:long minimum:number multipleOf:number not:JSONSchemaProps nullable:bool oneOf:[]JSONSchemaProps
    pattern:string patternProperties:{}JSONSchemaProps properties:{}JSONSchemaProps required:[]string title:string
    type:string uniqueItems:bool x-kubernetes-embedded-resource:bool x-kubernetes-int-or-string:bool
    x-kubernetes-list-map-keys:[]string x-kubernetes-list-type:string x-kubernetes-map-type:string
    x-kubernetes-preserve-unknown-fields:bool x-kubernetes-validations:[]ValidationRule
CustomResourceSubresourceScale labelSelectorPath:string specReplicasPath:string! statusReplicasPath:string!
ServiceReference name:string! namespace:string! path:string port:int
ExternalDocumentation description:string url:string
ValidationRule fieldPath:string message:string messageExpression:string optionalOldSelf:bool reason:string rule:string!
"""
