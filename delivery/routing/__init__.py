"""Where requests go: from a traffic value to the changes of a mesh's routes, and back.

Pure. A router renders nothing but traffic, and whatever else stands on a route object stays as it was found.
"""
