'use strict';

const { EventEmitter } = require('events');
const fs = require('fs');

/* Adds up what people buy,
   and tells who listens. */
class Cart extends EventEmitter {
  constructor(options = {}) {
    super();
    this.items = [];
    this.options = Object.assign({ limit: 100, currency: "EUR" }, options);
  }

  add(item, callback) {
    if (this.items.length >= this.options.limit) {
      return callback(new Error(`no more than ${this.options.limit} items`));
    }
    this.items.push(item);
    this.emit('added', item, this.items.length - 1);
    setImmediate(() => callback(null, { item, total: this.total() }));
  }

  total() {
    let sum = 0;
    for (const { price, count = 1 } of this.items) {
      sum += price * count; // it's in cents
    }
    return sum;
  }
}

module.exports = {
  Cart,
  load(path, done) {
    fs.readFile(path, 'utf8', (error, text) => {
      if (error) return done(error);
      const cart = new Cart();
      text.split('\n').forEach((line) => cart.items.push(JSON.parse(line)));
      done(null, cart);
    });
  },
};
