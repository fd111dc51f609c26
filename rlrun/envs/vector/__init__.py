"""Vector environments: many stepped together, in this process, in others, as arrays, or by ALE.

Imports core, array versions, and the settings and wrappers of single environments.
"""
