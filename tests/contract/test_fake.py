import pytest
from tests.contract.subjects import of_fake

from corral.testing.conformance import StoreConformance
from corral.testing.subject import Subject


class TestFakeStore(StoreConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return of_fake()
