"""Who answers: prompts, option scoring, tuning, simulated panels. Alone in importing torch, and only on use.

Where each function stands, so that ``import simframe.simulate`` costs nothing:

- ``embedded.build_embedded``: a tiny base model, built on the spot, that needs no download;
- ``tuning.tune``: a LoRA adapter fitted to a pilot;
- ``engine.simulate``: a panel of simulated respondents; ``engine.likelihood``: how likely people's answers are.
"""
