"""What the model reads: shots, assembly as plain text or chat, and token ids with an answer mask."""

from promptsci.prompt.assembly import CONTENT_FREE, FORMATS, GAP, Assembler, Format, Prompt, Shot, content_free
from promptsci.prompt.questions import Question, Questioner
from promptsci.prompt.shots import Chooser, Embed, Pool, chooser
from promptsci.prompt.tokenizer import Tokenizer
from promptsci.prompt.tokens import Encoder, Query

__all__ = [
    "CONTENT_FREE",
    "FORMATS",
    "GAP",
    "Assembler",
    "Chooser",
    "Embed",
    "Encoder",
    "Format",
    "Pool",
    "Prompt",
    "Query",
    "Question",
    "Questioner",
    "Shot",
    "Tokenizer",
    "chooser",
    "content_free",
]
