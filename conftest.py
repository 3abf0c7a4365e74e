"""Hypothesis profiles for every suite: ``fast`` unless HYPOTHESIS_PROFILE says otherwise."""

import os

from hypothesis import Phase, settings

# A run must not depend on luck or on how busy the machine is: the same examples each time, and no deadline.
settings.register_profile("fast", derandomize=True, deadline=None, database=None)
# For a night: new examples each time; a failure prints the line that repeats it.
settings.register_profile("deep", max_examples=5_000, deadline=None, print_blob=True)
# For mutants: that an example fails is enough, which is the smallest doesn't matter.
settings.register_profile("mutate", settings.get_profile("fast"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
