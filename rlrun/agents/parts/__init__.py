"""Code that several agents share: actors, critics, objectives, normalisation, minibatches.

Imports core, nets, rules and replay; never an agent.
"""
