"""Many environments stepped as one: in this process, in others, or by ALE.

Imports core, and the settings and wrappers of single environments.
"""
