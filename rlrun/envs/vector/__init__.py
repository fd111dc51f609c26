"""Vector environments: many stepped together, in this process, in others, or by ALE.

Imports core, and the settings and wrappers of single environments.
"""
