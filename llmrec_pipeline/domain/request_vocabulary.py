"""Words that several productions of a request's grammar share.

Belongs here: what more than one of `request_price`, `request_context`, `request_providers` and
`request_leftovers` looks for. Does not belong here: words of one production alone.
"""

from __future__ import annotations

from llmrec_pipeline.domain.request_numbers import phrases

TOKEN_WORDS = phrases(
    {"token": "token|tokens|tok|toks|tkn|tkns|トークン|토큰|词元|令牌|jeton|jetons|代币"}
)
CONTEXT_WORDS = phrases(
    {
        "context": "context*|ctx|ctxt|kontext*|contexte|contexto|window|windows|fenêtre|ventana"
        "|janela|コンテキスト|コンテクスト|上下文|컨텍스트"
    }
)
# Beside a size or an amount they say that it would be liked, not that it must be.
SOFT = phrases(
    {
        "wish": "ideally|preferably|prefer|preferred|would be nice|would be great|is nice to have"
        "|nice to have|would be ideal|is ideal|would be better|hopefully|idealerweise|am liebsten"
        "|lieber|wäre schön|idéalement|de préférence|idealmente|preferiblemente|de preferencia"
        "|de preferência|preferencialmente|理想"
    }
)
STOPS = frozenset(",.;!?()|") | {"and", "with", "but", "then", "、", "。"}
LONGEST_SHORT_TEXT = 80  # tokens; in a longer one a bare amount is part of a story
