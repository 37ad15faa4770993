"""Keeps customers, products and orders in one SQLite file."""

import sqlite3
from decimal import Decimal
from pathlib import Path

from shop.models import Customer, Order, Product

ONE_ROW = {
    "customers": "SELECT * FROM customers WHERE id = ?",
    "products": "SELECT * FROM products WHERE id = ?",
    "orders": "SELECT * FROM orders WHERE id = ?",
}


class NotFoundError(LookupError):
    """There is no such row."""


class Store:
    """The shop's tables."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.row_factory = sqlite3.Row

    def find_customer(self, customer_id: int) -> Customer:
        """Return one customer; raises `NotFoundError`."""
        row = self._find_row("customers", customer_id)
        if row is None:
            raise NotFoundError(f"There is no customer {customer_id}.")
        return Customer(customer_id, row["name"], row["email"])

    def find_product(self, product_id: int) -> Product:
        """Return one product; raises `NotFoundError`."""
        row = self._find_row("products", product_id)
        if row is None:
            raise NotFoundError(f"There is no product {product_id}.")
        return Product(product_id, row["title"], Decimal(row["price"]))

    def orders_of(self, customer: Customer) -> list[Order]:
        """Return what a customer has ordered, the oldest first."""
        query = "SELECT * FROM orders WHERE customer_id = ? ORDER BY ordered_on"
        rows = self._connection.execute(query, (customer.customer_id,))
        return [Order(**row) for row in rows]

    def _find_row(self, table: str, row_id: int) -> sqlite3.Row | None:
        return self._connection.execute(ONE_ROW[table], (row_id,)).fetchone()
