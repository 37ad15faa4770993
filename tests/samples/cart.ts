// Adds up what people buy; it's typed.
import { readFile } from "node:fs/promises";
import type { Item, Note } from './types';

const LIMIT = 100;

export interface Options<T extends Item = Item> {
  discount?: (item: T) => number;
  notes: Record<string, Note[]>;
}

export class Cart<T extends Item> {
  private readonly items: T[] = [];

  constructor(private options: Options<T> = { notes: {} }) {}

  /** Puts an item in (at most `LIMIT`). */
  add(item: T, ...notes: Note[]): this {
    if (this.items.length >= LIMIT) {
      throw new RangeError(`no more than ${LIMIT} items (${item.name})`);
    }
    this.items.push(item);
    this.options.notes[item.name] = [...(this.options.notes[item.name] ?? []), ...notes];
    return this;
  }

  get total(): number {
    return this.items
      .filter(({ price }) => price > 0)
      .reduce((sum, item) => sum + item.price - (this.options.discount?.(item) ?? 0), 0);
  }
}

export async function load(path: string): Promise<Item[]> {
  const text = await readFile(path, { encoding: "utf-8" });
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*#/.test(line))
    .map((line, index) => ({ name: line, price: Number(line.split(':')[1]), index }));
}
