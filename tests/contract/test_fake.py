import pytest
from tests.contract.subjects import of_fake

from corral_testing.conformance import StoreConformance
from corral_testing.subject import Subject


class TestFakeStore(StoreConformance):
    @pytest.fixture
    def subject(self) -> Subject:
        return of_fake()
