"""What the shop sells, and to whom."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Customer:
    """Somebody who may order."""

    customer_id: int
    name: str
    email: str


@dataclass(frozen=True)
class Product:
    """Something that can be ordered."""

    product_id: int
    title: str
    price: Decimal


@dataclass(frozen=True)
class Order:
    """So many of one product, for one customer."""

    order_id: int
    customer_id: int
    product_id: int
    quantity: int
    ordered_on: date
