"""Job types of which there is one job at most of a key, one for each way to treat a duplicate. `CORRAL_HANDLERS=unique_entries`."""

from pydantic import BaseModel

from corral.catalog import Unique, job


class Entry(BaseModel):
    """An entry of a catalogue."""

    source: str
    guid: str
    text: str = ""


@job("entries.import", queue="imports", unique=Unique(by=["source", "guid"], within="ever"))
async def import_entry(entry: Entry) -> str:
    """Import an entry once, however often it is sent: the key of `{"source": "north", "guid": "17"}` is `north#17`."""
    return f"imported {entry.guid}"


class Shop(BaseModel):
    """A shop whose stock is counted."""

    shop: str


@job("stock.count", queue="imports", unique=Unique(by=["shop"], on_duplicate="refuse"))
async def count_stock(shop: Shop) -> str:
    """Count the stock of a shop. Who asks for it while it is being counted is told so (409)."""
    return f"counted {shop.shop}"


class Document(BaseModel):
    """A document that somebody is writing."""

    id: str
    text: str = ""


@job(
    "documents.index",
    queue="imports",
    unique=Unique(by=["id"], on_duplicate="replace", quiet=5, max_wait=60),
)
async def index_document(document: Document) -> str:
    """Index a document once nobody has changed it for five seconds, and every minute while somebody does."""
    return f"indexed {len(document.text)} characters"


@job("documents.publish", queue="imports", unique=Unique(by=["id"], on_duplicate="keep-latest"))
async def publish_document(document: Document) -> str:
    """Publish a document: never two versions at once, and at last the newest one."""
    return f"published {len(document.text)} characters"
