"""What an order costs."""

from decimal import ROUND_HALF_UP, Decimal

from shop.models import Order
from shop.store import Store

CENT = Decimal("0.01")
TAX_RATE = Decimal("0.19")
DISCOUNTS = {10: Decimal("0.05"), 50: Decimal("0.10")}
"""What is taken off from so many pieces on."""


def net_price(store: Store, order: Order) -> Decimal:
    """Return the price of an order without tax."""
    product = store.find_product(order.product_id)
    discounts = [off for pieces, off in DISCOUNTS.items() if order.quantity >= pieces]
    return rounded(product.price * order.quantity * (1 - max(discounts, default=0)))


def gross_price(store: Store, order: Order) -> Decimal:
    """Return the price of an order with tax."""
    return rounded(net_price(store, order) * (1 + TAX_RATE))


def rounded(amount: Decimal) -> Decimal:
    """Round an amount to whole cents."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
