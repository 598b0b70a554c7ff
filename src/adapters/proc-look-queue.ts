// Looks at /proc, one at a time: whoever asks while one is under way is answered by the next, together with all others who wait. So a
// hundred streams that finalize at once cost one or two passes, and an answer is never older than its question.
//
// A pass can hang in the kernel (a stuck process holds its memory lock). Then those who wait are told so, and no further pass
// begins until it is over: each would take more of libuv's few threads.

/** Thirty times what a pass over 1,000 processes takes. */
const MAX_PASS_MS = 10_000;

export interface LookQueue<Question, Answer> {
  /** Null: a pass hangs. Rejects with what the pass rejected with. */
  ask(question: Question): Promise<Answer | null>;
}

interface Asked<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer | null) => void;
  readonly reject: (error: unknown) => void;
}

export function createLookQueue<Question, Answer>(
  pass: (questions: readonly Question[]) => Promise<Answer>,
  maxPassMs = MAX_PASS_MS,
): LookQueue<Question, Answer> {
  let waiting: Asked<Question, Answer>[] = [];
  let underWay = false;
  let hanging = false;

  async function run(): Promise<void> {
    underWay = true;
    while (waiting.length > 0) {
      const asked = waiting;
      waiting = [];
      const timer = setTimeout(() => {
        hanging = true;
        for (const one of [...asked, ...waiting]) one.resolve(null);
        waiting = [];
      }, maxPassMs).unref();
      try {
        const answer = await pass(asked.map(({ question }) => question));
        for (const one of asked) one.resolve(answer);
      } catch (error) {
        for (const one of asked) one.reject(error);
      }
      clearTimeout(timer);
      hanging = false;
    }
    underWay = false;
  }

  return {
    ask(question) {
      if (hanging) return Promise.resolve(null);
      return new Promise((resolve, reject) => {
        waiting.push({ question, resolve, reject });
        if (!underWay) void run();
      });
    },
  };
}
