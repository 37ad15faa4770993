/* Adds up what people buy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 100
#define PRICE(item) ((item)->price * (item)->count)

struct item {
	char name[32];
	int price, count;
};

struct cart {
	struct item *items[LIMIT];
	size_t length;
	void (*added)(const struct item *, size_t);
};

static int add(struct cart *cart, const char *name, int price) {
	struct item *item;

	if (cart->length >= LIMIT || !(item = malloc(sizeof(*item)))) {
		fprintf(stderr, "no room for \"%s\" (%zu items)\n", name, cart->length);
		return -1;
	}
	snprintf(item->name, sizeof(item->name), "%s", name); // it's cut
	item->price = price;
	item->count = 1;
	cart->items[cart->length++] = item;
	if (cart->added)
		cart->added(item, cart->length - 1);
	return 0;
}

int total(const struct cart *cart) {
	int sum = 0;
	for (size_t i = 0; i < cart->length; i++)
		sum += PRICE(cart->items[i]);
	return sum;
}
