/** Fetches and compiles v86's WebAssembly in the page. One module serves every machine. */
import address from "v86/build/v86.wasm?url";

/** The browser refused WebAssembly, or the engine could not be fetched. */
export class EngineUnavailableError extends Error {
  override name = "EngineUnavailableError";
}

let compiling: Promise<WebAssembly.Module> | undefined;

export function compileV86(): Promise<WebAssembly.Module> {
  compiling ??= compile().catch((error: unknown) => {
    compiling = undefined;
    throw error;
  });
  return compiling;
}

async function compile(): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object") {
    throw new EngineUnavailableError(
      "this browser does not run WebAssembly; allow it or use another browser",
    );
  }
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new EngineUnavailableError(`the engine could not be fetched (${String(error)}); reload the page`);
  }
  if (!response.ok) {
    throw new EngineUnavailableError(
      `the server answered ${response.status} for the engine; reload the page`,
    );
  }
  try {
    // Not compileStreaming: it refuses a server that does not know the type application/wasm.
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (error) {
    throw new EngineUnavailableError(
      `this browser refused WebAssembly (${String(error)}); allow it or use another browser`,
    );
  }
}
