"""What others do: the meter 5 s after a switch minus the meter 5 s before, nearest reading, averaged. bench_naive.py polars|pandas FILE

Reads only the rows and columns it needs and prints {"devices": [...]} as `wattribute analyze --json` does."""
import json
import sqlite3
import sys

METER = "sensor.house_power"
SWITCHED = """SELECT m.entity_id, s.last_updated_ts FROM states s JOIN states_meta m USING (metadata_id)
    WHERE s.state = 'on' AND m.entity_id NOT LIKE 'sensor.%' ORDER BY s.last_updated_ts"""
METERED = f"""SELECT s.last_updated_ts, s.state FROM states s JOIN states_meta m USING (metadata_id)
    WHERE m.entity_id = '{METER}' ORDER BY s.last_updated_ts"""


def with_polars(path):
    import polars as pl

    ms = pl.Datetime("ms", "UTC")
    if path.endswith(".db"):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        at = (pl.col("at") * 1000).cast(pl.Int64).cast(ms)
        meter = pl.DataFrame(db.execute(METERED).fetchall(), schema=["at", "state"], orient="row").select(at, w=pl.col("state").cast(pl.Float64, strict=False))
        on = pl.DataFrame(db.execute(SWITCHED).fetchall(), schema=["entity_id", "at"], orient="row").with_columns(at)
    else:
        rows, at = pl.scan_parquet(path), pl.col("last_updated").alias("at")
        meter = rows.filter(pl.col("entity_id") == METER).select(at, w=pl.col("state").cast(pl.Float64, strict=False)).collect(engine="streaming")
        on = rows.filter(pl.col("state") == "on").select("entity_id", at).collect(engine="streaming")
    meter, on = meter.drop_nulls().set_sorted("at"), on.sort("at")
    for name, shift in (("before", "-5s"), ("after", "5s")):
        near = on.select("entity_id", switched="at", at=pl.col("at").dt.offset_by(shift)).set_sorted("at")
        found = near.join_asof(meter, on="at", strategy="nearest", tolerance="30s")
        on = on.with_columns(found["w"].alias(name))
    steps = on.group_by("entity_id").agg(w=(pl.col("after") - pl.col("before")).mean())
    return dict(steps.iter_rows())


def with_pandas(path):
    import pandas as pd

    if path.endswith(".db"):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        meter = pd.read_sql_query(METERED, db).rename(columns={"last_updated_ts": "at"})
        on = pd.read_sql_query(SWITCHED, db).rename(columns={"last_updated_ts": "at"})
        for d in (meter, on):
            d["at"] = pd.to_datetime(d["at"], unit="s", utc=True)
    else:
        rows = pd.read_parquet(path, columns=["entity_id", "state", "last_updated"]).rename(columns={"last_updated": "at"})
        meter, on = rows[rows["entity_id"] == METER][["at", "state"]], rows[rows["state"] == "on"][["entity_id", "at"]]
    meter = pd.DataFrame({"at": meter["at"], "w": pd.to_numeric(meter["state"], errors="coerce")}).dropna()
    step = {}
    for name, shift in (("before", -5), ("after", 5)):
        near = on.assign(at=(on["at"] + pd.Timedelta(seconds=shift)).astype(meter["at"].dtype)).sort_values("at")
        step[name] = pd.merge_asof(near, meter, on="at", direction="nearest", tolerance=pd.Timedelta(seconds=30))
    delta = step["after"]["w"] - step["before"]["w"]
    return delta.groupby(step["after"]["entity_id"]).mean().to_dict()


if __name__ == "__main__":
    found = {"polars": with_polars, "pandas": with_pandas}[sys.argv[1]](sys.argv[2])
    print(json.dumps({"devices": [dict(entity_id=e, power_w=w) for e, w in found.items()]}))
