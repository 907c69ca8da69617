"""The real data sets that may be here, in their documented shape, read through the shipped tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptsci.data import read_dataset
from promptsci.spec import Catalog
from promptsci.spec.catalog import shipped_root

CATALOG = Catalog((shipped_root(),))
FOLDERS = {
    "acl-arc": ("citation_intent", 139),
    "arc-easy": ("arc_easy", 2376),
    "cranfield": ("cranfield", 225 * 50),
    "csabstruct": ("csabstruct", 1349),
    "dna-splice": ("dna_splice", 601),
    "inspec-keyphrases": ("inspec_keyphrases", 500),
    "ncbi-disease": ("ncbi_disease", 940),
    "pubmedqa": ("pubmedqa", 500),
    "scierc-ner": ("scierc_ner", 551),
    "scierc-relations": ("sciie_relation", 974),
    "scitldr": ("scitldr", 618),
    "tweeteval-stance": ("tweeteval_stance", 1249),
}


@pytest.mark.data
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_reads_as_its_task(name: str, real_data: Path) -> None:
    """All rows of test are there, each with a right answer, and none is lost on the way."""
    folder, n_rows = FOLDERS[name]
    split = read_dataset(CATALOG.task(name), str(real_data / folder), needed=["test"]).splits["test"]

    assert len(split.examples) == n_rows
    assert all(example.gold is not None for example in split.examples)
