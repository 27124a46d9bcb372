"""Key-value caches of some respondents that grow in place, and how far each respondent has read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from simframe.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simframe.simulate.scoring.network import Model, Tokens


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer at the front of a larger buffer.

    transformers' own layer copies everything it holds at every step: a third of the time of a questionnaire.
    """

    room = 0
    """Tokens to make room for."""

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Hold nothing yet, in the shape of what comes first."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        self._buffers = self.keys, self.values
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add what was read and return all of it."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.keys.shape[2]
        width = held + key_states.shape[2]
        if width > self._buffers[0].shape[2]:
            self._move(slice(None), len(key_states), max(width, self.room))
        for buffer, states in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, held:width] = states
        self._show(width)
        return self.keys, self.values

    def _move(self, rows: torch.Tensor | slice, n: int, size: int) -> None:
        held, moved = self.keys.shape[2], []
        for name in ("keys", "values"):
            old = getattr(self, name)
            buffer = old.new_empty((n, old.shape[1], size, old.shape[3]))
            buffer[:, :, :held] = old[rows]
            setattr(self, name, buffer[:, :, :held])
            moved.append(buffer)
        self._buffers = moved[0], moved[1]

    def _show(self, width: int) -> None:
        self.keys, self.values = (buffer[:, :, :width] for buffer in self._buffers)

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last tokens, given as a negative number."""
        self._show(self.keys.shape[2] - abs(tokens_to_remove))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows; a row may be taken more than once."""
        self._move(indices, len(indices), max(self.keys.shape[2], self.room))


class Batch:
    """The caches of some respondents and how far each has read. Padding lies right of what it pads."""

    def __init__(self, model: Model, n: int, room: int = 0) -> None:
        self.model = model

        class Layer(RoomyLayer):
            pass

        Layer.room = room
        # Every layer keeps all keys: a sliding window is then a matter of the mask, and tokens can be taken back.
        self.cache: Any = Cache(layer_class_to_replicate=Layer)
        self.mask = torch.zeros((n, 0), dtype=torch.bool, device=model.device)
        self.length = torch.zeros(n, dtype=torch.long, device=model.device)
        self.padded = False
        self.tokens = 0

    def feed(self, sequences: Sequence[Tokens]) -> torch.Tensor:
        """Let each respondent read their tokens; return hidden states (n, longest, d), padding on the right."""
        ids, real = padded(sequences)
        self.tokens += sum(map(len, sequences))
        self.padded |= not bool(real.all())
        ids, real = ids.to(self.mask.device), real.to(self.mask.device)
        self.mask = torch.cat([self.mask, real], dim=1)
        positions = (self.length[:, None] + real.cumsum(1) - 1).clamp(min=0)
        self._check(self.mask.shape[1], positions)
        self.length = self.length + real.sum(1)
        return self.model.hidden(ids, self._mask(positions), positions, self.cache)

    def aside(self, ids: torch.Tensor, offsets: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Let respondents read branches that leave no trace; return hidden states (n, t, d).

        Args:
            ids: tokens, (n, t).
            offsets: places of the tokens after what was read, (n or 1, t).
            visible: which of these tokens sees which, (n or 1, t, t); all see what was read before.
        """
        positions = self.length[:, None] + offsets
        self._check(self.mask.shape[1] + ids.shape[1], positions)
        # One mask serves everybody where all have read equally much and read the same.
        n = len(ids) if self.padded else len(visible)
        both = torch.cat([self.mask[:n, None].expand(-1, ids.shape[1], -1), visible.expand(n, -1, -1)], dim=2)
        keys = torch.cat([self.mask[:n].cumsum(1) - 1, positions[:n]], dim=1)
        distance = positions[:n, :, None] - keys[:, None]
        mask = attention(self.model.network.config, both, distance, self.model.network.dtype)
        hidden = self.model.hidden(ids, mask, positions, self.cache)
        self.cache.crop(-ids.shape[1])
        return hidden

    def _check(self, width: int, positions: torch.Tensor) -> None:
        """Refuse places that the model does not know; what is narrower than its context needs no look."""
        context = self.model.context
        if context is not None and width > context and (longest := int(positions.max()) + 1) > context:
            message = f"has a context of {context:,} tokens, and a prompt has {longest:,}"
            raise ModelError(message, where=self.model.name, mend="use a model with a longer context")

    def _mask(self, positions: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor] | None:
        """Return the mask of what each token sees: none where the model's own will do."""
        if not self.padded:
            return None
        config = self.model.network.config
        if not getattr(config, "sliding_window", None):
            return self.mask.long()
        # A window counts tokens; the model's own would count padding too.
        keys = self.mask.cumsum(1) - 1
        distance = positions[:, :, None] - keys[:, None]
        return attention(config, self.mask[:, None] & (distance >= 0), distance, self.model.network.dtype)

    def select(self, rows: Sequence[int]) -> None:
        """Keep these respondents' caches; a row may be taken more than once."""
        index = torch.tensor(rows, device=self.mask.device)
        self.cache.batch_select_indices(index)
        self.mask, self.length = self.mask[index], self.length[index]

    def forget(self, width: int) -> None:
        """Take back the last ``width`` places."""
        self.cache.crop(-width)
        kept = self.mask.shape[1] - width
        self.length = self.length - self.mask[:, kept:].sum(1)
        self.mask = self.mask[:, :kept]


@torch.inference_mode()  # type: ignore[untyped-decorator]
def counts_padding(model: Model) -> bool:
    """Return whether a model counts padding where it tells how far apart two tokens stand.

    Windows that it keeps itself count places; so do some linear biases, which two respondents beside each other show.
    """
    config = model.network.config
    kinds = {*(getattr(config, "layer_types", None) or ()), *(getattr(config, "attention_layers", None) or ())}
    if kinds - {"full_attention", "sliding_attention", "global"}:
        return True
    if getattr(getattr(config, "attn_config", None), "alibi", False):  # too slight a bias to show in half precision
        return True
    rows = model.head.weight.shape[0]
    first, second, last = ([(start + 7 * k) % rows for k in range(6)] for start in (1, 2, 3))
    both, single = Batch(model, 2), Batch(model, 1)
    both.feed([tuple(first), tuple(second[:1])])
    single.feed([tuple(second[:1])])
    found, expected = both.feed([tuple(last)] * 2)[1].float(), single.feed([tuple(last)])[0].float()
    tolerance = 1e-4 if model.network.dtype == torch.float32 else 0.1
    return bool((found - expected).abs().max() > tolerance * expected.abs().max().clamp(min=1.0))


def attention(
    config: Any, visible: torch.Tensor, distance: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor | dict[str, torch.Tensor]:
    """Return the additive mask of every kind of layer that a model has.

    Args:
        config: the model's.
        visible: which token may see which, (n or 1, t, past + t).
        distance: how far apart they stand, of the same shape.
        dtype: of the model.

    Raises:
        ModelError: where the model has layers whose mask is not known here.
    """
    kinds = set(getattr(config, "layer_types", None) or ())
    unknown = kinds - {"full_attention", "sliding_attention"}
    if unknown:
        mend = 'use mode = "chained", or a model with full or sliding attention'
        raise ModelError(f"has layers of {', '.join(sorted(unknown))}", where="model", mend=mend)
    window = getattr(config, "sliding_window", None)
    whole = _additive(visible, dtype)
    if not window or kinds == {"full_attention"}:
        return whole
    near = _additive(visible & (distance < window), dtype)
    return {"full_attention": whole, "sliding_attention": near} if kinds else near


def _additive(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return (n, 1, t, k): 0 where visible, else the most negative number; not infinite, as a row may see nothing."""
    return torch.where(visible[:, None], 0.0, torch.finfo(dtype).min).to(dtype)


def padded(sequences: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens (n, longest), padded on the right with 0, and where they are real."""
    width = max(map(len, sequences))
    ids = torch.tensor([[*tokens, *[0] * (width - len(tokens))] for tokens in sequences], dtype=torch.long)
    lengths = torch.tensor([len(tokens) for tokens in sequences])
    return ids, torch.arange(width) < lengths[:, None]
