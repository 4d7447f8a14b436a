// The few lines of WebGL2 that both the viewer and the belt need.

/** A linked program and its uniform locations. Throws with the compiler's words: a broken shader is our mistake. */
export function program(gl, vertex, fragment) {
  const linked = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(linked, shader);
  }
  gl.linkProgram(linked);
  if (!gl.getProgramParameter(linked, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(linked).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error([gl.getProgramInfoLog(linked), ...logs].join("\n"));
  }
  const uniforms = {};
  const count = gl.getProgramParameter(linked, gl.ACTIVE_UNIFORMS) ?? 0;
  for (let at = 0; at < count; at += 1) {
    const { name } = gl.getActiveUniform(linked, at);
    uniforms[name] = gl.getUniformLocation(linked, name);
  }
  return { linked, uniforms };
}

/** An empty texture: wrap and filter as named. */
export function texture(gl, { filter = gl.NEAREST, wrapRows = gl.CLAMP_TO_EDGE } = {}) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, wrapRows);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
  return made;
}

/** Internal format, format and type of a view's levels. */
export function levelFormat(gl, kind) {
  return {
    "dual-energy": [gl.RG16UI, gl.RG_INTEGER, gl.UNSIGNED_SHORT],
    "grey-16": [gl.R16UI, gl.RED_INTEGER, gl.UNSIGNED_SHORT],
    "grey-8": [gl.R8UI, gl.RED_INTEGER, gl.UNSIGNED_BYTE],
    "pseudo-colour": [gl.RGB8UI, gl.RGB_INTEGER, gl.UNSIGNED_BYTE],
  }[kind];
}

/** A context for pictures, or null where the browser has no WebGL2. */
export function context(canvas) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
  if (!gl) return null;
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  return gl;
}
