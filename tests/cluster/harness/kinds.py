"""Kinds that only tests touch."""

from delivery.cluster.objects import Kind

NAMESPACES = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps")
CRDS = Kind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")
ROLES = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles")
