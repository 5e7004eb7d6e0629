"""A verdict for every labelled image, with the evidence behind it."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tasks.second_pass.measures import measure
from tasks.second_pass.plan import SecondPassPlan, read_candidates, rows_of
from tasks.second_pass.summary import summarise_second_pass
from tasks.second_pass.trail import trails
from tasks.tables.background_schemas import EVIDENCE, VERDICT_TABLE
from tasks.tables.storage import RunFolder
from tasks.tables.whole_files import table_writer, write_json

# A model that sees the background alone names the label on the label's backgrounds only, a few of
# those lent: it would turn right on too few to count.
FOLLOWS = 0.5
_ROWS_AT_ONCE = 2**14  # whose sentences Python holds


def write_verdicts(run: RunFolder, plan: SecondPassPlan) -> None:
    """Write `verdicts`, and second_pass.json where anything was tested."""
    candidates = read_candidates(run)
    evidence = _read_evidence(run, plan)
    measured = measure(rows_of(candidates, evidence["image_id"].unique()), evidence)
    tests = plan.tests.select(["image_id", "stratum", "inclusion"]).to_pandas()
    tested = measured.merge(tests, on="image_id", how="left", validate="one_to_one")
    with table_writer(run.table_file("verdicts"), VERDICT_TABLE) as writer:
        for start in range(0, len(candidates), _ROWS_AT_ONCE):
            writer.write_table(_verdict_rows(candidates[start : start + _ROWS_AT_ONCE], tested))
    if len(tested):
        write_json(run.second_pass_file, summarise_second_pass(run, plan))
    else:
        run.second_pass_file.unlink(missing_ok=True)


def _verdict_rows(candidates: pd.DataFrame, tested: pd.DataFrame) -> pa.Table:
    """Schema VERDICT_TABLE."""
    table = candidates.merge(tested, on="image_id", how="left", validate="one_to_one")
    table["verdict"] = decide(table)
    table["trail"] = pd.Series(trails(table), dtype=object)
    columns = table[VERDICT_TABLE.names].astype({"object_source": object})
    rows = pa.Table.from_pandas(columns, schema=VERDICT_TABLE, preserve_index=False)
    return rows.replace_schema_metadata(None)


def decide(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """One of VERDICTS for each image.

    confirmed : on at least half of the donors' backgrounds a mistake turns right (on more than half
        a correct prediction turns wrong), or a mistake follows the background alone: every
        background of the label's class turns it, no removal of the object does, and the gap is at
        least FOLLOWS; and in either case not where only the colours are evened out
    not_background : the object is given, not guessed; on no donor's background is the answer
        another one, the prediction stays on at least half of the other backgrounds, no removal of
        the object leaves it as it was, and the colours do not change it
    undetermined : tested, and neither: global cues, and images that every change upsets
    suspected : not tested, and the evidence lies on the background at least as much as a uniform
        map would; otherwise undetermined, too: a map on the object proves nothing

    table : columns of VERDICT_TABLE; `stratum` is null for an image that was not tested
    """
    right = table["right_replaced"].to_numpy(np.float64)
    mistake = ~table["correct"].to_numpy(bool)
    turned = np.where(mistake, right >= 0.5, right < 0.5)
    follows = mistake & (table["turned"] == 1) & (table["background_alone"] == 1)
    follows &= table["gap"] >= FOLLOWS
    never = np.where(mistake, right == 0, right == 1)
    never &= (table["object_source"] != "proxy").to_numpy()
    on_object = (table["held"] >= 0.5) & (table["background_alone"] == 0)
    untested = table["stratum"].isna().to_numpy()
    unclear = np.isnan(right) | table["colours_turned"].eq(True).to_numpy()
    cases = [
        untested & (table["lift"] >= 1),
        untested | unclear,
        turned | follows,
        never & on_object,
    ]
    answers = ["suspected", "undetermined", "confirmed", "not_background"]
    return np.select(cases, answers, "undetermined").astype(object)


def _read_evidence(run: RunFolder, plan: SecondPassPlan) -> pd.DataFrame:
    names = [name for name in EVIDENCE.names if name != "picture"]
    if not plan.shards:
        return pa.schema([EVIDENCE.field(name) for name in names]).empty_table().to_pandas()
    return run.dataset("evidence").to_table(columns=names).to_pandas()
