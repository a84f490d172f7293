"""Models of pydantic as values, without redflow importing it."""

from decimal import Decimal

import pydantic

from redflow.model.codec import decode, encode


def test_models_of_pydantic_are_maps_wherever_they_stand():
    class Item(pydantic.BaseModel):
        sku: str
        price: Decimal = pydantic.Field(alias="Price")

    item = Item(sku="a", Price=Decimal("1.5"))
    assert decode(encode({"items": [item]})) == {"items": [{"sku": "a", "Price": Decimal("1.5")}]}
