// Package cart adds up what people buy.
package cart

import (
	"errors"
	"fmt"
	"strings"
)

const limit = 100 // items; more than that is a mistake

// ErrFull says that nothing more fits in.
var ErrFull = errors.New("the cart is full")

type Item struct {
	Name  string `json:"name"`
	Price int    `json:"price,omitempty"`
}

type Cart struct {
	items []Item
	notes map[string][]string
}

// Add puts an item into the cart (once for each call).
func (c *Cart) Add(item Item, notes ...string) error {
	if len(c.items) >= limit {
		return fmt.Errorf("add %q (%d): %w", item.Name, item.Price, ErrFull)
	}
	c.items = append(c.items, item)
	if c.notes == nil {
		c.notes = map[string][]string{item.Name: {}}
	}
	c.notes[item.Name] = append(c.notes[item.Name], strings.Join(notes, ", "))
	return nil
}

func (c *Cart) Total(discount func(Item) int) (total int) {
	for _, item := range c.items {
		switch {
		case item.Price > 0:
			total += item.Price - discount(item)
		default:
			fmt.Println(`free: "` + item.Name + `"`)
		}
	}
	return total
}
