"""How tests with random participants and random protocols run."""

from hypothesis import HealthCheck, Phase, settings


def random_examples(count: int) -> settings:
    """Return settings for the same `count` examples on every run; not simplified, which takes minutes."""
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
