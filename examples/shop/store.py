"""Keeps customers, products and orders in one SQLite file."""

import sqlite3
from pathlib import Path

from shop.models import Customer, Order, Product

ONE_ROW = {
    "customer": "SELECT * FROM customers WHERE customer_id = ?",
    "product": "SELECT * FROM products WHERE product_id = ?",
    "order": "SELECT * FROM orders WHERE order_id = ?",
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
        row = self._find_row("customer", customer_id)
        if row is None:
            raise NotFoundError(f"no customer {customer_id}")
        return Customer(**row)

    def find_product(self, product_id: int) -> Product:
        """Return one product; raises `NotFoundError`."""
        row = self._find_row("product", product_id)
        if row is None:
            raise NotFoundError(f"no product {product_id}")
        return Product(**row)

    def orders_of(self, customer: Customer) -> list[Order]:
        """Return what a customer has ordered, the oldest first."""
        query = "SELECT * FROM orders WHERE customer_id = ? ORDER BY ordered_on"
        rows = self._connection.execute(query, [customer.customer_id])
        return [Order(**row) for row in rows]

    def _find_row(self, table: str, row_id: int) -> sqlite3.Row | None:
        rows = self._connection.execute(ONE_ROW[table], [row_id])
        return rows.fetchone()
