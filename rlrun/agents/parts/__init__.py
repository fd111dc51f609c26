"""What several agents share: actors and critics, objectives, normalisation, minibatches.

Imports core, nets, rules and replay; never an agent.
"""
