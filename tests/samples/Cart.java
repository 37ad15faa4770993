package shop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Adds up what people buy (taxes included).
 */
public final class Cart {
    private static final int LIMIT = 100;

    private final List<Item> items = new ArrayList<>();
    private final Map<String, Integer> counts;

    public Cart(Map<String, Integer> counts) {
        this.counts = Map.copyOf(counts);
    }

    /** Puts an item in; "null" is refused. */
    public Optional<Item> add(Item item, int... counts) throws IllegalStateException {
        if (items.size() >= LIMIT) {
            throw new IllegalStateException(String.format("more than %d items (%s)", LIMIT, item));
        }
        for (int count : counts) {
            this.counts.merge(item.name(), count, (one, two) -> one + two);
        }
        items.add(item);
        return Optional.of(item);
    }

    public int total() {
        return items.stream()
            .filter(item -> item.price() > 0 && !item.name().equals("free"))
            .mapToInt(Item::price)
            .sum();
    }

    record Item(String name, int price) {
        char initial() {
            return name.isEmpty() ? '?' : name.charAt(0);
        }
    }
}
