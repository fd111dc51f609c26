"""Words of other programs and papers for rlrun's commands, settings and options."""

COMMANDS = {
    **dict.fromkeys(
        ("train", "run", "start", "learn", "fit"), "write rlrun {settings} to train an agent"
    ),
    "help": "write rlrun --help, or rlrun COMMAND --help",
    "version": "write rlrun --version",
    "tensorboard": "write tensorboard --logdir outputs",
    "sweep": "write rlrun -m and several values, such as rlrun -m agent.lr=1e-3,3e-4",
    **dict.fromkeys(
        ("search", "tune", "optimize", "optuna"), "write rlrun -m hydra/sweeper=optuna to search"
    ),
    **dict.fromkeys(("eval", "test", "play", "enjoy", "watch"), "write rlrun evaluate last"),
    **dict.fromkeys(("render", "film", "video"), "write rlrun record last to make a video"),
    **dict.fromkeys(("continue", "restart"), "write rlrun resume last"),
    **dict.fromkeys(("plot", "compare", "results"), "write rlrun report outputs"),
    **dict.fromkeys(("agents", "envs", "experiments"), "write rlrun list and then this word"),
    "ls": "write rlrun list agents, rlrun list envs or rlrun list experiments",
}
"""By a word that may be taken for a command, what to write instead."""

SETTINGS = {
    **dict.fromkeys(
        ("steps", "timesteps", "total_timesteps", "num_steps", "frames"), ("total_steps",)
    ),
    **dict.fromkeys(("episodes", "num_episodes", "n_episodes", "max_episodes"), ("total_steps",)),
    **dict.fromkeys(("epsilon", "eps", "exploration_rate"), ("explore.start", "explore.end")),
    **dict.fromkeys(("epsilon_start", "eps_start", "exploration_initial_eps"), ("explore.start",)),
    **dict.fromkeys(("epsilon_end", "eps_end", "exploration_final_eps"), ("explore.end",)),
    **dict.fromkeys(
        ("epsilon_decay", "eps_decay", "exploration_fraction"),
        ("explore.decay", "explore.fraction"),
    ),
    **dict.fromkeys(("learning_rate", "alpha", "step_size"), ("agent.lr", "agent.actor_lr")),
    **dict.fromkeys(("discount", "discount_factor"), ("gamma",)),
    **dict.fromkeys(("buffer_size", "memory_size", "replay_size"), ("replay.capacity",)),
    **dict.fromkeys(
        ("hidden_size", "hidden_sizes", "hidden_layers", "layers", "net_arch"), ("agent.hidden",)
    ),
    **dict.fromkeys(("target_update", "target_update_interval"), ("agent.target_every",)),
    **dict.fromkeys(("train_freq", "update_every"), ("agent.train_every",)),
    **dict.fromkeys(("n_envs", "parallel_envs"), ("env.num_envs",)),
    **dict.fromkeys(("n_seeds", "num_seeds"), ("seeds",)),
    **dict.fromkeys(("eval_every", "eval_freq"), ("eval.every",)),
    **dict.fromkeys(("log_every", "log_interval"), ("log.every",)),
    **dict.fromkeys(("save_every", "save_freq"), ("checkpoint.every_steps",)),
    **dict.fromkeys(("algo", "algorithm", "model"), ("agent",)),
    **dict.fromkeys(("environment", "env_id", "env_name", "game", "task"), ("env",)),
    **dict.fromkeys(("buffer", "memory"), ("replay",)),
    **dict.fromkeys(("exploration", "explorer"), ("explore",)),
    **dict.fromkeys(("gpu", "cuda"), ("device=cuda",)),
    **dict.fromkeys(("out", "output", "outdir", "logdir", "log_dir"), ("hydra.run.dir",)),
    **dict.fromkeys(("jobs", "n_jobs", "workers"), ("sweep.jobs",)),
    **dict.fromkeys(("trials", "n_trials"), ("search.trials",)),
}
"""By the last part of a key, the settings that are meant; those that a run has are suggested."""

OPTIONS = {
    "agent": {
        "ddqn": "double_dqn",
        "d3qn": "dueling_dqn",
        **dict.fromkeys(("qrdqn", "qr"), "qr_dqn"),
        **dict.fromkeys(("rdqn", "r2d2", "recurrent_dqn"), "drqn"),
        "qlearning": "q_learning",
        "mc": "monte_carlo",
        **dict.fromkeys(("pg", "vpg"), "reinforce"),
        **dict.fromkeys(("td", "td0", "td(0)"), "td_prediction"),
        "a3c": "a2c",
        **dict.fromkeys(("es", "openai_es"), "evolution_strategies"),
        **dict.fromkeys(("ga", "genetic_algorithm"), "genetic"),
        **dict.fromkeys(("cma", "cmaes"), "cma_es"),
        "neuroevolution": "neat",
        "goexplore": "go_explore",
    },
    "replay": {"per": "prioritized", "her": "hindsight"},
    "explore": {
        **dict.fromkeys(("epsilon_greedy", "eps_greedy", "egreedy", "epsilon"), "linear"),
        "boltzmann": "softmax",
        "ou": "ornstein_uhlenbeck",
        "normal": "gaussian",
        "random": "uniform",
    },
    "device": {**dict.fromkeys(("gpu", "cuda:0", "0"), "cuda"), "metal": "mps"},
}
"""By group, other names of its options."""
