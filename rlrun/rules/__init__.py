"""Update rules: pure functions of tensors with any leading axes, results not reduced."""
