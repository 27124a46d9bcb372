"""Where panels live: Parquet tables published whole, and a catalog of SQL views over them."""

from simframe.warehouse.doctor import examine
from simframe.warehouse.publish import Provenance
from simframe.warehouse.store import Finding, Warehouse
from simframe.warehouse.wide import derive, wide

__all__ = ["Finding", "Provenance", "Warehouse", "derive", "examine", "wide"]
