import { useMemo, useState } from "react";

type Props = { items: { name: string; price: number }[]; onPay?: (total: number) => void };

export function Cart({ items, onPay }: Props) {
  const [chosen, setChosen] = useState<string[]>([]);
  const total = useMemo(
    () => items.filter(({ name }) => chosen.includes(name)).reduce((sum, { price }) => sum + price, 0),
    [items, chosen],
  );

  return (
    <section className="cart">
      <ul>
        {items.map((item) => (
          <li key={item.name} onClick={() => setChosen([...chosen, item.name])}>
            {item.name}: {(item.price / 100).toFixed(2)}
          </li>
        ))}
      </ul>
      <button disabled={total === 0} onClick={() => onPay?.(total)}>
        {total > 0 ? `Pay ${total}` : "Nothing to pay"}
      </button>
    </section>
  );
}
