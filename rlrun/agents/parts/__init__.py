"""What several agents share: actors and critics, objectives, normalisation, minibatches.

Imports core, nets, rules, replay and explore; never an agent.
"""
