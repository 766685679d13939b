/** The same with properties that can be set, for whoever fills in what others only read. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
