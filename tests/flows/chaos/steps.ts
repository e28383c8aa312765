/** What is done in a transaction, by method. */
type Methods = { readonly [Name in string]: (...given: never[]) => Promise<unknown> }
interface Store<Transaction> {
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>
}

/**
 * The same store, which names each step before and after it is done: `FLOW.begin`, `FLOW.METHOD`, `FLOW.METHOD done`,
 * `FLOW.committed`. What a flow is made of shows in one run of it, so that no step can be forgotten.
 */
export function watched<Transaction extends object>(
  store: Store<Transaction>,
  flow: string,
  onStep: (step: string) => void,
): Store<Transaction> {
  return {
    async transaction(work) {
      onStep(`${flow}.begin`)
      const result = await store.transaction((transaction) => work(watchedMethods(transaction, flow, onStep)))
      onStep(`${flow}.committed`)
      return result
    },
  }
}

function watchedMethods<Transaction extends object>(
  transaction: Transaction,
  flow: string,
  onStep: (step: string) => void,
): Transaction {
  const methods = Object.entries(transaction as unknown as Methods).map(([name, method]) => [
    name,
    async (...given: never[]) => {
      onStep(`${flow}.${name}`)
      const result = await method(...given)
      onStep(`${flow}.${name} done`)
      return result
    },
  ])
  return Object.fromEntries(methods) as Transaction
}
