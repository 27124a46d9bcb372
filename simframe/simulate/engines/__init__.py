"""Who answers a questionnaire, behind one small interface; nothing here imports torch before it is used.

``run`` parts respondents into chunks, keeps what is finished and resumes; an ``Engine`` only answers:

- ``local``: a local model through transformers, options scored exactly (the default);
- ``endpoint``: an OpenAI-compatible HTTP endpoint;
- ``vllm_engine``: a local model through vLLM;
- ``workers``: any of them, over several Ray workers.
"""

from simframe.simulate.engines.base import RESPONSES, Answered, Answers, Asked, Engine, RunSettings, run

__all__ = ["RESPONSES", "Answered", "Answers", "Asked", "Engine", "RunSettings", "run"]
