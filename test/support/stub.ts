/**
 * An object of a class with only the given members: a test that calls anything else fails by it.
 *
 * @param type the class; its constructor is not called
 */
export function stubOf<T extends object>(type: { prototype: T }, members: Partial<T>): T {
  const stub = Object.create(type.prototype) as T;
  for (const [name, value] of Object.entries(members)) Object.defineProperty(stub, name, { value, writable: true });
  return stub;
}
