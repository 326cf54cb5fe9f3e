// Random choices that a seed makes again.

export class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    /** Of [0, 1), by mulberry32. */
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    }

    /** Of 0 to `count` - 1. */
    below(count) {
        return Math.floor(this.next() * count);
    }

    chance(probability) {
        return this.next() < probability;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /** A key of `weights`, an object of numbers, as often as its weight says. */
    weighted(weights) {
        let left = this.next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
        for (const [name, weight] of Object.entries(weights)) if ((left -= weight) < 0) return name;
        return Object.keys(weights)[0];
    }
}
