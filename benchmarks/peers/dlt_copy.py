"""dlt copies the CRM's accounts into the ERP's partners: its REST source, and a custom destination that writes batches.

    python dlt_copy.py CRM ERP FOLDER

Runs with dlt's own environment, so it imports nothing of the benchmark. The batch is the ERP's largest; nested tables
are off, as the destination wants whole records.
"""

import os
import sys

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt
import orjson
import requests
from dlt.sources.rest_api import rest_api_source

CRM, ERP, FOLDER = sys.argv[1:]
PAGE, BATCH = 1000, 200

session = requests.Session()
session.trust_env = False
session.headers.update({"X-API-Key": "demo-key", "Content-Type": "application/json"})


@dlt.destination(batch_size=BATCH, name="erp", max_table_nesting=0, max_parallel_load_jobs=1)
def erp(items, _table) -> None:
    """Write one batch."""
    content = orjson.dumps({"create": [{"values": item} for item in items]})
    answer = session.post(f"{ERP}/api/partners/bulk", data=content, timeout=60)
    answer.raise_for_status()
    orjson.loads(answer.content)


def source():
    """The CRM's accounts, page by page."""
    sign_in = {"client_id": "demo-client", "client_secret": "demo-secret"}
    return rest_api_source(
        {
            "client": {
                "base_url": f"{CRM}/api/v1/",
                "auth": {"type": "oauth2_client_credentials", "access_token_url": f"{CRM}/oauth/token", **sign_in},
                "paginator": {"type": "cursor", "cursor_path": "nextCursor", "cursor_param": "cursor"},
            },
            "resources": [
                {
                    "name": "accounts",
                    "max_table_nesting": 0,
                    "endpoint": {"path": "accounts", "params": {"limit": PAGE}, "data_selector": "records"},
                }
            ],
        }
    )


dlt.pipeline("peer", pipelines_dir=FOLDER, destination=erp, dataset_name="peer").run(source())
