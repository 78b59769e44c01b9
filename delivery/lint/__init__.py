"""What is wrong with manifests, said before they are applied: schema, cross-field rules, PromQL, and policies that do
what they say and not what was meant.

The API server knows the schema, the controller the rules. That a threshold stands between two bucket edges, or that a
window holds two scrapes, nobody says: such a release is judged, and judged badly. Everything here works without a
cluster, so that it can stand in the pipeline of the repository the manifests are in.
"""
