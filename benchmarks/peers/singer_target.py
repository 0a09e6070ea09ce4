"""A Singer target that writes the ERP's partners in batches, made with the Singer SDK as its documentation says.

python singer_tap.py --config CONFIG | python singer_target.py --config CONFIG
"""

import orjson
import requests
from singer_sdk import BatchSink, Target, typing as th

BATCH = 200


class Partners(BatchSink):
    """The ERP's partners."""

    max_size = BATCH

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"X-API-Key": "demo-key", "Content-Type": "application/json"})

    def process_batch(self, context) -> None:
        """Write one batch."""
        content = orjson.dumps({"create": [{"values": record} for record in context["records"]]}, default=str)
        answer = self._session.post(f"{self.config['erp']}/api/partners/bulk", data=content, timeout=60)
        answer.raise_for_status()
        orjson.loads(answer.content)


class TargetErp(Target):
    """The target."""

    name = "target-erp"
    default_sink_class = Partners
    config_jsonschema = th.PropertiesList(th.Property("erp", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    TargetErp.cli()
