/*
 * Puts an implementation of (log-linear) attention in C or C++ under the gate. Copy this one file next to yours.
 *
 *     #define LLA_ADAPTER_IMPLEMENTATION          // in one file of the program,
 *     #include "lla_adapter.h"                    // before all other headers
 *
 *     static const char *forward(const lla_case *c, lla_outputs *out) {
 *       if (c->K > 256) return "K above 256";     // a case that cannot be answered: why. NULL is a case that was
 *       my_kernel(c->q.f32, c->k.f32, c->v.f32, out->o.f32, c->B, c->T, c->H, c->K, c->V);
 *       return NULL;
 *     }
 *
 *     int main(void) {
 *       static lla_program program;               // all zeros
 *       program.name = "my kernel";
 *       program.systems = "linear";
 *       program.dtypes = "float32";
 *       program.forward = forward;
 *       return lla_serve(&program);
 *     }
 *
 * Run it with `lla gate -- ./my_program`. It needs C99 and POSIX, no library.
 *
 * Every tensor that is handed over lies between NaNs, so that a read outside of it shows in the answer, and may not be written. Every
 * buffer for an answer is filled with NaN and lies between NaNs: what is left unwritten in it, or written outside of it, is an error
 * that says where. The program may print: it talks to the gate through two pipes of its own (file descriptors 3 and 4).
 *
 * MIT licence, a part of log-linear-attention-conformance.
 */
#ifndef LLA_ADAPTER_H
#define LLA_ADAPTER_H

/* fcntl and poll where the compiler was asked for plain C99 */
#if defined(LLA_ADAPTER_IMPLEMENTATION) && defined(__STRICT_ANSI__) && !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* B batch, T length, H heads, G groups of q and k (head h reads group h * G / H), K key size, V value size, L levels of lambda
 * (1 in a flat system), n sequences: B, or the packed ones. Row-major: q of token t, group i, channel j is q[((b * T + t) * G + i) * K + j]. */

/* In what format numbers are handed over and answered. */
typedef enum lla_numbers {
  LLA_BY_DTYPE, /* f64 in cases of dtype float64, f32 in all others */
  LLA_FLOAT,    /* f32; not for float64 */
  LLA_DOUBLE,   /* f64 */
  LLA_AS_SENT   /* as LLA_BY_DTYPE, but u16 in bfloat16 and float16: the bits of their numbers */
} lla_numbers;

/* A tensor. One of the pointers is set, by lla_program.numbers; none where the case has no such tensor. */
typedef struct lla_tensor {
  const float *f32;
  const double *f64;
  const uint16_t *u16;
  int rank;
  int64_t shape[5];
} lla_tensor;

/* A buffer to write all of, in the same format. No pointer is set where nothing is wanted. */
typedef struct lla_result {
  float *f32;
  double *f64;
  uint16_t *u16;
  int rank;
  int64_t shape[6];
} lla_result;

/* One question. */
typedef struct lla_case {
  const char *system;         /* "mamba2", "log-linear-mamba2", ... */
  const char *dtype;          /* one of the program's */
  double scale;               /* multiplies q.k */
  const char *structure;      /* "weak", unless the program takes other structures */
  int64_t base;               /* of a weak structure: 2, unless the program takes other structures */
  const int64_t *position;    /* [n], tokens seen before this call: 0 unless the program has states */
  const int64_t *cu_seqlens;  /* [n+1], starts of sequences packed along T, with B = 1; NULL where there are none */
  int64_t chunk_size;         /* need not be heeded; 0 where nothing was asked for */
  int wants_gradients;        /* d_o is there, and backward is called */
  int64_t B, T, H, G, K, V, L, n;
  lla_tensor q, k;            /* [B,T,G,K] */
  lla_tensor v;               /* [B,T,H,V] */
  lla_tensor g;               /* log decay: [B,T,H], [B,T,H,K] (gla, kimi-delta) or [H] (retention) */
  lla_tensor beta;            /* [B,T,H] */
  lla_tensor lambda;          /* [B,T,H,L], in log-linear systems */
  lla_tensor initial_state;   /* [n,H,L',K,V] with L' = shape[2] <= L: levels that are not there are zeros */
  lla_tensor d_o;             /* [B,T,H,V], the gradient that comes in by o */
  lla_tensor d_final_state;   /* [n,H,L,K,V], and that by final_state: not always there */
} lla_case;

typedef struct lla_outputs {
  lla_result o;           /* [B,T,H,V] */
  lla_result final_state; /* [n,H,L,K,V] where the program has states */
  /* Steps on the way, where the program names them and `lla debug` asks for them: */
  lla_result chunk_states;  /* [B,N,H,K,V], what the tokens of each chunk by themselves leave at its end; N chunks of the program's size */
  lla_result states;        /* [B,T,H,L,K,V], every level after each token */
  lla_result level_outputs; /* [B,T,H,L,V], what each level adds to o */
} lla_outputs;

/* The gradients of sum(o * d_o) + sum(final_state * d_final_state), each shaped like its input; those of inputs that the case has. */
typedef struct lla_gradients {
  lla_result q, k, v, g, beta, lambda, initial_state;
} lla_gradients;

/* What a size has to be; zeros limit nothing. */
typedef struct lla_limit {
  int64_t min, max, multiple_of;
  int power_of_two;
} lla_limit;

/* What the program can do, so that nothing else is asked, and how it does it. Zero what you do not set. */
typedef struct lla_program {
  const char *name;    /* what verdicts call it, 1 to 100 characters */
  const char *systems; /* names of systems, as `lla systems` lists them, with spaces between */
  const char *dtypes;  /* out of float64, float32, tf32 (float32 tensors, products in TF32), bfloat16, float16 */
  int state;           /* initial and final states, and positions other than 0 */
  int packed;          /* sequences packed into one row (cu_seqlens) */
  int groups;          /* fewer heads of q and k than of v (G < H) */
  int structures;      /* structures other than weak, base 2 */
  int resets;          /* log decays of -infinity */
  int growth;          /* positive log decays */
  int strong_beta;     /* beta above 1 */
  int no_large;        /* cases of the sizes of real kernels take it too long */
  const char *intermediates; /* steps on the way that forward can write, out of chunkStates states levelOutputs, with spaces between */
  int64_t chunk_size;  /* its own chunk size, a power of two; the gate looks closest around its multiples. 0: not said */
  struct {
    lla_limit B, T, H, G, K, V;
  } limits;
  /* Both return NULL, or why the case cannot be answered: text that lives until the next call. */
  const char *(*forward)(const lla_case *c, lla_outputs *out);
  const char *(*backward)(const lla_case *c, lla_gradients *out); /* NULL: it has no gradients */
  lla_numbers numbers;
  int repeat; /* call everything twice, and fail when a bit differs */
} lla_program;

/* Answers the gate until it says good-bye: 0. A program or a message that is wrong ends the process: a line on standard error,
 * and exit code 2 for the program, 1 for a message. */
int lla_serve(const lla_program *program);

/* Sequence i of the case: its tokens are first, ..., first + length - 1, counted over B * T (token b * T + t lies at row t of batch b). */
typedef struct lla_sequence {
  int64_t first, length;
} lla_sequence;
lla_sequence lla_sequence_of(const lla_case *c, int64_t i);

#ifdef __cplusplus
}
#endif
#endif /* LLA_ADAPTER_H */

#if defined(LLA_ADAPTER_IMPLEMENTATION) && !defined(LLA_ADAPTER_IMPLEMENTED)
#define LLA_ADAPTER_IMPLEMENTED

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LLA__PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define LLA__NORETURN __attribute__((__noreturn__))
#else
#define LLA__PRINTF(text, first)
#define LLA__NORETURN
#endif

enum {
  LLA__FROM_GATE = 3,
  LLA__TO_GATE = 4,
  LLA__LONGEST_LINE = 1 << 20,
  LLA__MOST_TENSORS = 32,
  LLA__CHUNK_SIZE = 64, /* where the program does not say */
  LLA__DEEPEST = 64,   /* of JSON in JSON */
  LLA__PAD = 1024,     /* NaNs before and behind every tensor */
  LLA__ALIGNMENT = 64, /* of every tensor, in bytes */
  LLA__BAD_MESSAGE = 1,
  LLA__BAD_PROGRAM = 2
};
static const uint64_t LLA__MOST_BYTES = (uint64_t)1 << 31;

/* ---- ends, and text ---- */

static LLA__NORETURN LLA__PRINTF(2, 3) void lla__stop(int code, const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("lla_adapter: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
  fflush(stdout);
  exit(code);
}

static void *lla__grown(void *memory, size_t size) {
  void *larger = realloc(memory, size > 0 ? size : 1);
  if (!larger) lla__stop(LLA__BAD_MESSAGE, "out of memory (%lu bytes)", (unsigned long)size);
  return larger;
}

/* Text that grows. */
typedef struct lla__text {
  char *at;
  size_t length, room;
} lla__text;

static void lla__append(lla__text *text, const char *bytes, size_t count) {
  if (text->length + count + 1 > text->room) {
    text->room = 2 * (text->length + count + 1);
    text->at = (char *)lla__grown(text->at, text->room);
  }
  memcpy(text->at + text->length, bytes, count);
  text->length += count;
  text->at[text->length] = 0;
}

static LLA__PRINTF(2, 3) void lla__print(lla__text *text, const char *format, ...) {
  char piece[512];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(piece, sizeof piece, format, list);
  va_end(list);
  if (length > (int)sizeof piece - 1) length = (int)sizeof piece - 1;
  if (length > 0) lla__append(text, piece, (size_t)length);
}

/* The length of the UTF-8 character that starts there, 0 where none does. The bytes end with a 0. */
static int lla__utf8(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  int length = s[0] >= 0xC2 && s[0] < 0xE0 ? 2 : s[0] >= 0xE0 && s[0] < 0xF0 ? 3 : s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : 0;
  for (int i = 1; i < length; i++)
    if ((s[i] & 0xC0) != 0x80) return 0;
  /* overlong forms, surrogates, and what is above the last code point */
  if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
    return 0;
  return length;
}

/* A JSON string of at most so many bytes; bytes that are no UTF-8 become question marks. */
static void lla__quote(lla__text *text, const char *string, size_t most) {
  lla__append(text, "\"", 1);
  for (const char *s = string; *s && (size_t)(s - string) < most;) {
    int length = lla__utf8((const unsigned char *)s);
    if (length == 0) lla__append(text, "?", 1);
    else if (*s == '"' || *s == '\\') lla__print(text, "\\%c", *s);
    else if ((unsigned char)*s < 0x20) lla__print(text, "\\u%04x", (unsigned)*s);
    else lla__append(text, s, (size_t)length);
    s += length > 0 ? length : 1;
  }
  lla__append(text, "\"", 1);
}

/* ---- JSON: RFC 8259, strictly, into a list of nodes ---- */

typedef enum lla__kind { LLA__NULL, LLA__FALSE, LLA__TRUE, LLA__NUMBER, LLA__STRING, LLA__ARRAY, LLA__OBJECT } lla__kind;

typedef struct lla__node {
  lla__kind kind;
  const char *key;  /* in an object; unescaped, as string is: inside the line itself, which is written over */
  const char *string;
  double number;
  int first, next;  /* first member or entry, and the one behind this: places in the list, 0 for none */
} lla__node;

typedef struct lla__json {
  char *at;            /* what is not read yet; the line ends with a 0 */
  const char *start;
  const char *fault;   /* the first thing that was wrong */
  lla__node *nodes;    /* from 1 */
  int count, room;
} lla__json;

static int lla__fault(lla__json *json, const char *what) {
  if (!json->fault) json->fault = what;
  return 0;
}

static void lla__space(lla__json *json) {
  while (*json->at == ' ' || *json->at == '\t' || *json->at == '\r' || *json->at == '\n') json->at++;
}

static int lla__new_node(lla__json *json, lla__kind kind) {
  if (json->count + 1 >= json->room) {
    json->room = json->room ? 2 * json->room : 64;
    json->nodes = (lla__node *)lla__grown(json->nodes, (size_t)json->room * sizeof *json->nodes);
  }
  lla__node *node = &json->nodes[++json->count];
  memset(node, 0, sizeof *node);
  node->kind = kind;
  return json->count;
}

/* Four hexadecimal digits, -1 where they are none. */
static int32_t lla__hex4(const char *s) {
  int32_t value = 0;
  for (int i = 0; i < 4; i++) {
    char c = s[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = 16 * value + digit;
  }
  return value;
}

static char *lla__put_utf8(char *to, int32_t code) {
  if (code < 0x80) *to++ = (char)code;
  else if (code < 0x800) {
    *to++ = (char)(0xC0 | (code >> 6));
    *to++ = (char)(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *to++ = (char)(0xE0 | (code >> 12));
    *to++ = (char)(0x80 | ((code >> 6) & 63));
    *to++ = (char)(0x80 | (code & 63));
  } else {
    *to++ = (char)(0xF0 | (code >> 18));
    *to++ = (char)(0x80 | ((code >> 12) & 63));
    *to++ = (char)(0x80 | ((code >> 6) & 63));
    *to++ = (char)(0x80 | (code & 63));
  }
  return to;
}

/* Reads a string, which is unescaped where it stands: that never takes more room. NULL where it is wrong. */
static const char *lla__string(lla__json *json) {
  char *start = json->at + 1, *from = start, *to = start;
  while (*from != '"') {
    if ((unsigned char)*from < 0x20) {
      lla__fault(json, *from ? "a control character in a string" : "a string that does not end");
      return NULL;
    }
    if (*from != '\\') {
      int length = lla__utf8((const unsigned char *)from);
      if (length == 0) {
        lla__fault(json, "bytes that are no UTF-8");
        return NULL;
      }
      while (length-- > 0) *to++ = *from++;
      continue;
    }
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *name = from[1] ? strchr(names, from[1]) : NULL;
    if (name) {
      *to++ = meant[name - names];
      from += 2;
      continue;
    }
    int32_t code = from[1] == 'u' ? lla__hex4(from + 2) : -1;
    if (code < 0) {
      lla__fault(json, "an unknown escape in a string");
      return NULL;
    }
    from += 6;
    if (code >= 0xD800 && code < 0xDC00 && from[0] == '\\' && from[1] == 'u') {
      int32_t low = lla__hex4(from + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        from += 6;
      }
    }
    /* a 0 would end the string here, and half of a pair is no character: neither is in any name that is looked for */
    if (code == 0 || (code >= 0xD800 && code < 0xE000)) code = 0xFFFD;
    to = lla__put_utf8(to, code);
  }
  json->at = from + 1;
  *to = 0;
  return start;
}

static int lla__digits(char **at) {
  char *start = *at;
  while (**at >= '0' && **at <= '9') (*at)++;
  return *at > start;
}

static int lla__number(lla__json *json) {
  char *start = json->at, *at = start, *point = NULL;
  if (*at == '-') at++;
  if (*at == '0') at++;
  else if (!lla__digits(&at)) return lla__fault(json, "no JSON value where one is wanted");
  if (*at == '.') {
    point = at++;
    if (!lla__digits(&at)) return lla__fault(json, "a number without digits behind its point");
  }
  if (*at == 'e' || *at == 'E') {
    at++;
    if (*at == '+' || *at == '-') at++;
    if (!lla__digits(&at)) return lla__fault(json, "a number without digits in its exponent");
  }
  int node = lla__new_node(json, LLA__NUMBER);
  json->at = at;
  /* strtod wants the decimal point of the author's locale, which may be longer than one byte */
  const char *local = localeconv()->decimal_point;
  if (!point || strcmp(local, ".") == 0) {
    json->nodes[node].number = strtod(start, NULL);
    return node;
  }
  lla__text copy = {NULL, 0, 0};
  lla__append(&copy, start, (size_t)(point - start));
  lla__append(&copy, local, strlen(local));
  lla__append(&copy, point + 1, (size_t)(at - point - 1));
  json->nodes[node].number = strtod(copy.at, NULL);
  free(copy.at);
  return node;
}

static int lla__value(lla__json *json, int depth);

/* The members of an object or the entries of an array, behind its first bracket. */
static int lla__members(lla__json *json, int depth, lla__kind kind) {
  const char end = kind == LLA__OBJECT ? '}' : ']';
  int node = lla__new_node(json, kind), last = 0;
  if (depth >= LLA__DEEPEST) return lla__fault(json, "brackets in brackets, too many of them");
  json->at++;
  lla__space(json);
  if (*json->at == end) {
    json->at++;
    return node;
  }
  for (;;) {
    const char *key = NULL;
    lla__space(json);
    if (kind == LLA__OBJECT) {
      if (*json->at != '"') return lla__fault(json, "no name where a member of an object is wanted");
      if (!(key = lla__string(json))) return 0;
      lla__space(json);
      if (*json->at != ':') return lla__fault(json, "no colon behind the name of a member");
      json->at++;
    }
    int member = lla__value(json, depth + 1);
    if (!member) return 0;
    json->nodes[member].key = key;
    if (last) json->nodes[last].next = member;
    else json->nodes[node].first = member;
    last = member;
    lla__space(json);
    char after = *json->at;
    if (after != ',' && after != end) return lla__fault(json, "neither a comma nor a closing bracket where one is wanted");
    json->at++;
    if (after == end) return node;
  }
}

static int lla__value(lla__json *json, int depth) {
  lla__space(json);
  switch (*json->at) {
    case '{':
      return lla__members(json, depth, LLA__OBJECT);
    case '[':
      return lla__members(json, depth, LLA__ARRAY);
    case '"': {
      const char *string = lla__string(json);
      if (!string) return 0;
      int node = lla__new_node(json, LLA__STRING);
      json->nodes[node].string = string;
      return node;
    }
    default:
      break;
  }
  static const char *const words[] = {"null", "false", "true"};
  for (int i = 0; i < 3; i++) {
    size_t length = strlen(words[i]);
    if (strncmp(json->at, words[i], length) != 0) continue;
    json->at += length;
    return lla__new_node(json, (lla__kind)i);
  }
  return lla__number(json);
}

/* Reads a line, of that length and with a 0 behind it, into nodes; the first is the whole. 0 where it is wrong: json->fault says how. */
static int lla__parse(lla__json *json, char *line, size_t length) {
  json->start = json->at = line;
  json->fault = NULL;
  json->count = 0;
  int node = lla__value(json, 0);
  lla__space(json);
  /* a 0 among the bytes ends the reading too */
  if (node && json->at != line + length) return lla__fault(json, "something behind the message");
  return node;
}

/* A member of an object; of two with one name the last, as everywhere. NULL where there is none. */
static const lla__node *lla__member(const lla__json *json, const lla__node *object, const char *key) {
  const lla__node *found = NULL;
  if (!object || object->kind != LLA__OBJECT) return NULL;
  for (int i = object->first; i; i = json->nodes[i].next)
    if (strcmp(json->nodes[i].key, key) == 0) found = &json->nodes[i];
  return found;
}

/* ---- the messages' fields: a field that is wrong ends the program ---- */

static const double LLA__LARGEST_INTEGER = 9007199254740991.0; /* JSON has no larger ones that every reader takes for the same */

static int64_t lla__integer(const lla__node *node, const char *what, double least, double most) {
  if (!node || node->kind != LLA__NUMBER || !(node->number >= least && node->number <= most) || node->number != floor(node->number))
    lla__stop(LLA__BAD_MESSAGE, "the gate sent a message whose %s is no integer from %.0f to %.0f", what, least, most);
  return (int64_t)node->number;
}

static const char *lla__word(const lla__node *node, const char *what) {
  if (!node || node->kind != LLA__STRING) lla__stop(LLA__BAD_MESSAGE, "the gate sent a message whose %s is no string", what);
  return node->string;
}

static const lla__node *lla__of_kind(const lla__node *node, lla__kind kind, const char *what) {
  if (!node || node->kind != kind)
    lla__stop(LLA__BAD_MESSAGE, "the gate sent a message whose %s is no %s", what, kind == LLA__ARRAY ? "list" : "object");
  return node;
}

static int64_t lla__count(const lla__json *json, const lla__node *list) {
  int64_t count = 0;
  for (int i = list->first; i; i = json->nodes[i].next) count++;
  return count;
}

/* A list of so many integers in memory of its own. */
static int64_t *lla__integers(const lla__json *json, const lla__node *list, int64_t count, const char *what) {
  lla__of_kind(list, LLA__ARRAY, what);
  if (lla__count(json, list) != count)
    lla__stop(LLA__BAD_MESSAGE, "the gate sent a message whose %s has %ld entries, where %ld are wanted", what,
              (long)lla__count(json, list), (long)count);
  int64_t *values = (int64_t *)lla__grown(NULL, (size_t)count * sizeof *values), *value = values;
  for (int i = list->first; i; i = json->nodes[i].next) *value++ = lla__integer(&json->nodes[i], what, 0, LLA__LARGEST_INTEGER);
  return values;
}

/* ---- the two pipes ---- */

/* Waits for a pipe that somebody has made non-blocking. */
static void lla__wait(int descriptor, short events) {
  struct pollfd waiting;
  waiting.fd = descriptor;
  waiting.events = events;
  waiting.revents = 0;
  poll(&waiting, 1, -1);
}

static unsigned char lla__buffer[65536];
static size_t lla__buffer_at = 0, lla__buffer_end = 0;

/* Fills the buffer when it is empty: 0 at the end of the pipe. */
static int lla__fill(void) {
  while (lla__buffer_at == lla__buffer_end) {
    ssize_t got = read(LLA__FROM_GATE, lla__buffer, sizeof lla__buffer);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) lla__wait(LLA__FROM_GATE, POLLIN);
      else if (errno != EINTR) lla__stop(LLA__BAD_MESSAGE, "cannot read what the gate sent: %s", strerror(errno));
      continue;
    }
    lla__buffer_at = 0;
    lla__buffer_end = (size_t)got;
  }
  return 1;
}

/* A line, without its end: 0 where the gate has nothing more to say. */
static int lla__read_line(lla__text *line) {
  line->length = 0;
  while (lla__fill()) {
    unsigned char *start = lla__buffer + lla__buffer_at;
    size_t there = lla__buffer_end - lla__buffer_at;
    unsigned char *end = (unsigned char *)memchr(start, '\n', there);
    size_t count = end ? (size_t)(end - start) : there;
    if (line->length + count > LLA__LONGEST_LINE)
      lla__stop(LLA__BAD_MESSAGE, "the gate sent a line of more than %d bytes", LLA__LONGEST_LINE);
    lla__append(line, (const char *)start, count);
    lla__buffer_at += count + (end ? 1 : 0);
    if (end) return 1;
  }
  if (line->length > 0) lla__stop(LLA__BAD_MESSAGE, "the pipe from the gate ended in the middle of a message");
  return 0;
}

static void lla__read_bytes(unsigned char *to, size_t count) {
  while (count > 0) {
    if (!lla__fill()) lla__stop(LLA__BAD_MESSAGE, "the pipe from the gate ended in the middle of a tensor");
    size_t there = lla__buffer_end - lla__buffer_at, taken = there < count ? there : count;
    memcpy(to, lla__buffer + lla__buffer_at, taken);
    lla__buffer_at += taken;
    to += taken;
    count -= taken;
  }
}

static void lla__write(const void *bytes, size_t count) {
  const char *from = (const char *)bytes;
  while (count > 0) {
    ssize_t done = write(LLA__TO_GATE, from, count);
    if (done >= 0) {
      from += done;
      count -= (size_t)done;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      lla__wait(LLA__TO_GATE, POLLOUT);
    } else if (errno != EINTR) {
      lla__stop(LLA__BAD_MESSAGE, "cannot write to the gate: %s", strerror(errno));
    }
  }
}

static void lla__open_pipes(void) {
  for (int descriptor = LLA__FROM_GATE; descriptor <= LLA__TO_GATE; descriptor++) {
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
      lla__stop(LLA__BAD_PROGRAM,
                "this program is started by the gate, which gives it file descriptors 3 and 4. Run\n\n    lla gate -- ./this_program\n");
    /* what the author starts must not hold the pipes open */
    fcntl(descriptor, F_SETFD, fcntl(descriptor, F_GETFD) | FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  }
}

/* ---- formats: bytes are little-endian on the pipe, whatever they are here ---- */

typedef enum lla__format { LLA__F64, LLA__F32, LLA__F16, LLA__BF16 } lla__format;

static const struct {
  const char *name;
  size_t width;
  uint64_t canary; /* NaNs that no computation makes: around tensors, */
  uint64_t poison; /* and in buffers that nobody has written */
} lla__formats[] = {
    {"float64", 8, 0x7FF8DEAD0000BEEFu, 0x7FF8DEAD0000F00Du},
    {"float32", 4, 0x7FC0DEADu, 0x7FC0F00Du},
    {"float16", 2, 0x7EADu, 0x7E0Du},
    {"bfloat16", 2, 0x7FEDu, 0x7FCDu},
};

static uint64_t lla__bits_at(const unsigned char *bytes, size_t width) {
  uint64_t bits = 0;
  for (size_t i = 0; i < width; i++) bits |= (uint64_t)bytes[i] << (8 * i);
  return bits;
}

/* One number of that width in this machine's own order. */
static void lla__put_native(unsigned char *to, uint64_t bits, size_t width) {
  uint32_t word = (uint32_t)bits;
  uint16_t half = (uint16_t)bits;
  memcpy(to, width == 8 ? (const void *)&bits : width == 4 ? (const void *)&word : (const void *)&half, width);
}

static uint64_t lla__native(const unsigned char *from, size_t width) {
  uint64_t bits;
  uint32_t word;
  uint16_t half;
  if (width == 8) return memcpy(&bits, from, 8), bits;
  if (width == 4) return memcpy(&word, from, 4), word;
  return memcpy(&half, from, 2), half;
}

/* The number of a binary16. */
static float lla__of_half(uint32_t bits) {
  uint32_t exponent = (bits >> 10) & 31, fraction = bits & 1023;
  float size = exponent == 31  ? (fraction ? NAN : INFINITY)
               : exponent == 0 ? ldexpf((float)fraction, -24)
                               : ldexpf((float)(1024 + fraction), (int)exponent - 25);
  return bits & 0x8000 ? -size : size;
}

/* Numbers as they came, in the format in which they are handed over. */
static void lla__convert(unsigned char *to, lla__format into, const unsigned char *from, lla__format format, size_t count) {
  size_t width = lla__formats[format].width, wide = lla__formats[into].width;
  for (size_t i = 0; i < count; i++, from += width, to += wide) {
    uint64_t bits = lla__bits_at(from, width);
    if (into == format) {
      lla__put_native(to, bits, width);
      continue;
    }
    double value;
    float small;
    if (format == LLA__F64) memcpy(&value, &bits, 8);
    else {
      uint32_t word = format == LLA__BF16 ? (uint32_t)bits << 16 : (uint32_t)bits;
      memcpy(&small, &word, 4);
      value = format == LLA__F16 ? lla__of_half((uint32_t)bits) : small;
    }
    small = (float)value;
    memcpy(to, into == LLA__F64 ? (const void *)&value : (const void *)&small, wide);
  }
}

/* ---- tensors ---- */

/* Numbers in memory of their own, between NaNs. */
typedef struct lla__tensor {
  const char *name;      /* as the protocol has it */
  lla__format format;
  int rank;
  int64_t shape[8];
  size_t count;
  void *memory;          /* to be freed */
  unsigned char *begin;  /* of the NaNs before it */
  unsigned char *data;
  unsigned char *copy;   /* of the numbers that were handed over; NULL in a buffer for an answer */
} lla__tensor;

static void lla__free(lla__tensor *tensor) {
  free(tensor->memory);
  free(tensor->copy);
  tensor->memory = NULL;
  tensor->copy = NULL;
}

static void lla__fill_with(unsigned char *to, uint64_t bits, size_t width, size_t count) {
  for (size_t i = 0; i < count; i++) lla__put_native(to + i * width, bits, width);
}

/* Memory for the numbers, NaNs all of it: 0 where there is not so much. */
static int lla__allocate(lla__tensor *tensor, int keeps_copy) {
  size_t width = lla__formats[tensor->format].width, pad = LLA__PAD * width;
  /* one byte more, for a copy of nothing */
  if (tensor->count > (SIZE_MAX - 2 * pad - LLA__ALIGNMENT) / width) return 0;
  size_t size = tensor->count * width;
  tensor->copy = keeps_copy ? (unsigned char *)malloc(size + 1) : NULL;
  tensor->memory = malloc(size + 2 * pad + LLA__ALIGNMENT);
  if (!tensor->memory || (keeps_copy && !tensor->copy)) {
    lla__free(tensor);
    return 0;
  }
  uintptr_t odd = (uintptr_t)tensor->memory % LLA__ALIGNMENT;
  tensor->begin = (unsigned char *)tensor->memory + (odd ? LLA__ALIGNMENT - odd : 0);
  tensor->data = tensor->begin + pad;
  lla__fill_with(tensor->begin, lla__formats[tensor->format].canary, width, 2 * LLA__PAD + tensor->count);
  if (!keeps_copy) lla__fill_with(tensor->data, lla__formats[tensor->format].poison, width, tensor->count);
  return 1;
}

/* "o[0,3,1,2]" */
static void lla__place(lla__text *text, const lla__tensor *tensor, size_t index) {
  int64_t at[8];
  for (int i = tensor->rank - 1; i >= 0; i--) {
    at[i] = (int64_t)(index % (size_t)tensor->shape[i]);
    index /= (size_t)tensor->shape[i];
  }
  lla__print(text, "%s[", tensor->name);
  for (int i = 0; i < tensor->rank; i++) lla__print(text, i ? ",%ld" : "%ld", (long)at[i]);
  lla__append(text, "]", 1);
}

/* Whether the NaNs around a tensor are as they were; else text says where they are not. */
static int lla__is_intact(const lla__tensor *tensor, const char *who, lla__text *text) {
  size_t width = lla__formats[tensor->format].width;
  const unsigned char *behind = tensor->data + tensor->count * width;
  for (size_t i = 0; i < LLA__PAD; i++) {
    /* the nearest first, on both sides */
    int is_before = lla__native(tensor->data - (i + 1) * width, width) != lla__formats[tensor->format].canary;
    int is_behind = lla__native(behind + i * width, width) != lla__formats[tensor->format].canary;
    if (!is_before && !is_behind) continue;
    lla__print(text, "%s wrote outside of %s, %lu %s %s one", who, tensor->name, (unsigned long)(i + 1),
               i ? "numbers" : "number", is_before ? "before its first" : "behind its last");
    return 0;
  }
  return 1;
}

/* Whether an input is as it was. */
static int lla__is_unwritten(const lla__tensor *tensor, const char *who, lla__text *text) {
  size_t width = lla__formats[tensor->format].width;
  if (!lla__is_intact(tensor, who, text)) return 0;
  if (memcmp(tensor->data, tensor->copy, tensor->count * width) == 0) return 1;
  size_t i = 0;
  while (memcmp(tensor->data + i * width, tensor->copy + i * width, width) == 0) i++;
  lla__print(text, "%s wrote to an input, first at ", who);
  lla__place(text, tensor, i);
  return 0;
}

/* Whether all of a buffer was written, and nothing around it. */
static int lla__is_written(const lla__tensor *tensor, const char *who, lla__text *text) {
  size_t width = lla__formats[tensor->format].width, missing = 0, first = 0;
  if (!lla__is_intact(tensor, who, text)) return 0;
  for (size_t i = tensor->count; i-- > 0;) {
    if (lla__native(tensor->data + i * width, width) != lla__formats[tensor->format].poison) continue;
    missing++;
    first = i;
  }
  if (missing == 0) return 1;
  lla__print(text, "%s did not write ", who);
  lla__place(text, tensor, first);
  lla__print(text, ", or added to it: buffers are full of NaN (numbers like it: %lu of %lu)", (unsigned long)missing,
             (unsigned long)tensor->count);
  return 0;
}

/* ---- a case ---- */

enum { LLA__Q, LLA__K, LLA__V, LLA__G, LLA__BETA, LLA__LAMBDA, LLA__STATE, LLA__INPUTS, LLA__D_O = LLA__INPUTS, LLA__D_STATE, LLA__GIVEN };
static const char *const lla__given_names[LLA__GIVEN] = {"q",      "k",            "v",           "g",                    "beta",
                                                         "lambda", "initialState", "cotangents.o", "cotangents.finalState"};
enum { LLA__STEPS = 3 };
static const char *const lla__step_names[LLA__STEPS] = {"chunkStates", "states", "levelOutputs"};
static const char *const lla__gradient_names[LLA__INPUTS] = {"gradients.q",    "gradients.k",      "gradients.v",           "gradients.g",
                                                             "gradients.beta", "gradients.lambda", "gradients.initialState"};

/* What a message asks, and the answer. */
typedef struct lla__question {
  int64_t id;
  lla_case c;
  lla__tensor given[LLA__GIVEN];
  int shown[LLA__STEPS]; /* whether it is asked for too */
  lla__text why; /* of an error */
} lla__question;

static lla_tensor lla__view(const lla__tensor *tensor) {
  lla_tensor view;
  memset(&view, 0, sizeof view);
  if (!tensor->memory) return view;
  if (tensor->format == LLA__F64) view.f64 = (const double *)(const void *)tensor->data;
  else if (tensor->format == LLA__F32) view.f32 = (const float *)(const void *)tensor->data;
  else view.u16 = (const uint16_t *)(const void *)tensor->data;
  view.rank = tensor->rank;
  memcpy(view.shape, tensor->shape, sizeof view.shape);
  return view;
}

static lla_result lla__target(const lla__tensor *tensor) {
  lla_result target;
  memset(&target, 0, sizeof target);
  if (!tensor->memory) return target;
  if (tensor->format == LLA__F64) target.f64 = (double *)(void *)tensor->data;
  else if (tensor->format == LLA__F32) target.f32 = (float *)(void *)tensor->data;
  else target.u16 = (uint16_t *)(void *)tensor->data;
  target.rank = tensor->rank;
  memcpy(target.shape, tensor->shape, sizeof target.shape);
  return target;
}

static lla__format lla__format_named(const char *name) {
  for (int i = 0; i < 4; i++)
    if (strcmp(lla__formats[i].name, name) == 0) return (lla__format)i;
  lla__stop(LLA__BAD_MESSAGE, "the gate sent a tensor of the unknown dtype %.40s", name);
}

/* The format in which a program takes what comes in another. */
static lla__format lla__handed_over(lla_numbers numbers, lla__format sent) {
  if (numbers == LLA_DOUBLE) return LLA__F64;
  if (numbers == LLA_FLOAT) return LLA__F32;
  return numbers == LLA_AS_SENT || sent == LLA__F64 ? sent : LLA__F32;
}

/* Reads the numbers of one tensor behind the message. One that nobody knows, or that does not fit into memory, is passed over. */
static void lla__read_tensor(lla__question *question, const lla_program *program, const lla__json *json, const lla__node *entry,
                             uint64_t *total) {
  lla__of_kind(entry, LLA__OBJECT, "list of tensors");
  const char *name = lla__word(lla__member(json, entry, "name"), "tensors' name");
  lla__format sent = lla__format_named(lla__word(lla__member(json, entry, "dtype"), "tensors' dtype"));
  const lla__node *shape = lla__of_kind(lla__member(json, entry, "shape"), LLA__ARRAY, "tensors' shape");
  lla__tensor unknown, *tensor = &unknown;
  for (int i = 0; i < LLA__GIVEN; i++) {
    if (strcmp(lla__given_names[i], name) != 0) continue;
    tensor = &question->given[i];
    if (tensor->name) lla__stop(LLA__BAD_MESSAGE, "the gate sent the tensor %s twice", name);
    tensor->name = lla__given_names[i];
  }
  uint64_t count = 1;
  int rank = 0, is_empty = 0;
  for (int i = shape->first; i; i = json->nodes[i].next) {
    if (rank == 8) lla__stop(LLA__BAD_MESSAGE, "the gate sent a tensor of more than 8 axes");
    int64_t size = lla__integer(&json->nodes[i], "tensors' shape", 0, 2147483647);
    tensor->shape[rank++] = size;
    if (size == 0) is_empty = 1;
    else count = count > LLA__MOST_BYTES ? count : count * (uint64_t)size;
  }
  tensor->rank = rank;
  size_t width = lla__formats[sent].width;
  if (count > LLA__MOST_BYTES && !is_empty) count = LLA__MOST_BYTES + 1;
  *total += is_empty ? 0 : count * width;
  if (*total > LLA__MOST_BYTES) lla__stop(LLA__BAD_MESSAGE, "the gate sent tensors of more than 2 GiB");
  tensor->count = is_empty ? 0 : (size_t)count;
  tensor->format = lla__handed_over(program->numbers, sent);
  int is_kept = tensor != &unknown && lla__allocate(tensor, 1);
  if (tensor != &unknown && !is_kept && question->why.length == 0) lla__print(&question->why, "out of memory for the input %s", name);
  static unsigned char piece[8 * 1024];
  for (size_t done = 0; done < tensor->count;) {
    size_t some = tensor->count - done < 1024 ? tensor->count - done : 1024;
    lla__read_bytes(piece, some * width);
    if (is_kept) lla__convert(tensor->data + done * lla__formats[tensor->format].width, tensor->format, piece, sent, some);
    done += some;
  }
  if (is_kept) memcpy(tensor->copy, tensor->data, tensor->count * lla__formats[tensor->format].width);
}

/* A tensor of another shape than the protocol says would be read outside of itself. */
static void lla__check_shape(const lla__tensor *tensor, int rank, const int64_t *shape) {
  if (!tensor->name) return;
  int is_right = tensor->rank == rank;
  for (int i = 0; is_right && i < rank; i++) is_right = tensor->shape[i] == shape[i];
  if (!is_right) lla__stop(LLA__BAD_MESSAGE, "the gate sent a tensor %s that does not have the shape of its case", tensor->name);
}

static int64_t lla__size(const lla__tensor *tensor, int axis) { return tensor->shape[axis]; }

static void lla__check_shapes(lla__question *question) {
  lla_case *c = &question->c;
  lla__tensor *given = question->given;
  for (int i = LLA__Q; i <= LLA__V; i++)
    if (!given[i].name || given[i].rank != 4)
      lla__stop(LLA__BAD_MESSAGE, "the gate sent a case without a tensor %s of 4 axes", lla__given_names[i]);
  c->B = lla__size(&given[LLA__V], 0);
  c->T = lla__size(&given[LLA__V], 1);
  c->H = lla__size(&given[LLA__V], 2);
  c->V = lla__size(&given[LLA__V], 3);
  c->G = lla__size(&given[LLA__Q], 2);
  c->K = lla__size(&given[LLA__Q], 3);
  c->L = given[LLA__LAMBDA].rank == 4 ? lla__size(&given[LLA__LAMBDA], 3) : 1;
  if (c->B < 1 || c->H < 1 || c->G < 1 || c->K < 1 || c->V < 1 || c->L < 1 || c->H % c->G != 0)
    lla__stop(LLA__BAD_MESSAGE, "the gate sent a case with B, H, G, K, V or L of 0, or with heads that are no multiple of the groups");
  for (int i = 0; i < LLA__GIVEN; i++)
    if (given[i].name && given[i].format != given[LLA__V].format)
      lla__stop(LLA__BAD_MESSAGE, "the gate sent tensors of several dtypes in one case");
  const int64_t queries[] = {c->B, c->T, c->G, c->K}, values[] = {c->B, c->T, c->H, c->V}, levels[] = {c->B, c->T, c->H, c->L};
  const int64_t channels[] = {c->B, c->T, c->H, c->K};
  lla__check_shape(&given[LLA__Q], 4, queries);
  lla__check_shape(&given[LLA__K], 4, queries);
  if (given[LLA__G].rank == 1) lla__check_shape(&given[LLA__G], 1, &c->H);
  else lla__check_shape(&given[LLA__G], given[LLA__G].rank == 3 ? 3 : 4, channels);
  lla__check_shape(&given[LLA__BETA], 3, values);
  lla__check_shape(&given[LLA__LAMBDA], 4, levels);
  lla__check_shape(&given[LLA__D_O], 4, values);
}

/* Positions and packed sequences, and the states, which there is one of for each. */
static void lla__check_sequences(lla__question *question, const lla__json *json, const lla__node *fields) {
  lla_case *c = &question->c;
  lla__tensor *given = question->given;
  const lla__node *position = lla__member(json, fields, "position"), *starts = lla__member(json, fields, "cuSeqlens");
  c->n = c->B;
  if (starts) {
    c->n = lla__count(json, lla__of_kind(starts, LLA__ARRAY, "cuSeqlens")) - 1;
    c->cu_seqlens = lla__integers(json, starts, c->n + 1, "cuSeqlens");
    int is_right = c->n >= 1 && c->B == 1 && c->cu_seqlens[0] == 0 && c->cu_seqlens[c->n] == c->T;
    for (int64_t i = 0; is_right && i < c->n; i++) is_right = c->cu_seqlens[i] <= c->cu_seqlens[i + 1];
    if (!is_right) lla__stop(LLA__BAD_MESSAGE, "the gate sent a cuSeqlens that does not rise from 0 to T, with B = 1");
  }
  if (position) c->position = lla__integers(json, position, c->n, "position");
  else {
    int64_t *zeros = (int64_t *)lla__grown(NULL, (size_t)c->n * sizeof *zeros);
    for (int64_t i = 0; i < c->n; i++) zeros[i] = 0;
    c->position = zeros;
  }
  int64_t state[] = {c->n, c->H, c->L, c->K, c->V};
  lla__check_shape(&given[LLA__D_STATE], 5, state);
  if (given[LLA__STATE].rank == 5 && lla__size(&given[LLA__STATE], 2) <= c->L) state[2] = lla__size(&given[LLA__STATE], 2);
  lla__check_shape(&given[LLA__STATE], 5, state);
}

/* Reads a case, its tensors among it. */
static void lla__read_case(lla__question *question, const lla_program *program, const lla__json *json, const lla__node *message) {
  memset(question, 0, sizeof *question);
  lla_case *c = &question->c;
  question->id = lla__integer(lla__member(json, message, "id"), "id", 0, LLA__LARGEST_INTEGER);
  const lla__node *fields = lla__of_kind(lla__member(json, message, "case"), LLA__OBJECT, "case");
  const lla__node *structure = lla__member(json, fields, "structure"), *scale = lla__member(json, fields, "scale");
  const lla__node *chunk = lla__member(json, fields, "chunkSize");
  c->system = lla__word(lla__member(json, fields, "system"), "case's system");
  c->dtype = lla__word(lla__member(json, message, "dtype"), "dtype");
  c->scale = 1;
  if (scale) {
    if (scale->kind != LLA__NUMBER) lla__stop(LLA__BAD_MESSAGE, "the gate sent a message whose scale is no number");
    c->scale = scale->number;
  }
  c->structure = "weak";
  c->base = 2;
  if (structure) {
    const lla__node *base = lla__member(json, structure, "base");
    c->structure = lla__word(lla__member(json, structure, "kind"), "structure's kind");
    if (base) c->base = lla__integer(base, "structure's base", 2, 2147483647);
  }
  if (chunk) c->chunk_size = lla__integer(chunk, "chunkSize", 1, 2147483647);
  const lla__node *tensors = lla__of_kind(lla__member(json, message, "tensors"), LLA__ARRAY, "list of tensors");
  if (lla__count(json, tensors) > LLA__MOST_TENSORS) lla__stop(LLA__BAD_MESSAGE, "the gate sent more than %d tensors", LLA__MOST_TENSORS);
  const lla__node *shown = lla__member(json, message, "intermediates");
  for (int i = shown ? lla__of_kind(shown, LLA__ARRAY, "intermediates")->first : 0; i; i = json->nodes[i].next)
    for (int j = 0; j < LLA__STEPS; j++)
      if (strcmp(lla__word(&json->nodes[i], "intermediates"), lla__step_names[j]) == 0) question->shown[j] = 1;
  uint64_t total = 0;
  for (int i = tensors->first; i; i = json->nodes[i].next) lla__read_tensor(question, program, json, &json->nodes[i], &total);
  lla__check_shapes(question);
  lla__check_sequences(question, json, fields);
  c->wants_gradients = question->given[LLA__D_O].name != NULL;
  lla_tensor *const views[LLA__GIVEN] = {&c->q,      &c->k,             &c->v,   &c->g,            &c->beta,
                                         &c->lambda, &c->initial_state, &c->d_o, &c->d_final_state};
  for (int i = 0; i < LLA__GIVEN; i++) *views[i] = lla__view(&question->given[i]);
}

static void lla__free_case(lla__question *question) {
  for (int i = 0; i < LLA__GIVEN; i++) lla__free(&question->given[i]);
  free((void *)question->c.position);
  free((void *)question->c.cu_seqlens);
  free(question->why.at);
}

/* ---- the answer ---- */

enum { LLA__O, LLA__FINAL_STATE, LLA__CHUNK_STATES, LLA__STATES, LLA__LEVEL_OUTPUTS, LLA__GRADIENTS, LLA__RESULTS = LLA__GRADIENTS + LLA__INPUTS };

/* A buffer for an answer: 0 where there is no memory for it. */
static int lla__prepare(lla__tensor *tensor, const char *name, lla__format format, int rank, const int64_t *shape, lla__text *why) {
  tensor->name = name;
  tensor->format = format;
  tensor->rank = rank;
  tensor->count = 1;
  for (int i = 0; i < rank; i++) {
    tensor->shape[i] = shape[i];
    /* no product of sizes that would not fit */
    if (shape[i] > 0 && tensor->count > SIZE_MAX / (size_t)shape[i]) return lla__print(why, "out of memory for %s", name), 0;
    tensor->count *= (size_t)shape[i];
  }
  if (lla__allocate(tensor, 0)) return 1;
  lla__print(why, "out of memory for %s", name);
  return 0;
}

/* Whether inputs are as they were, and buffers are filled; else why says what is not. */
static int lla__is_well_behaved(lla__question *question, const lla__tensor *results, int count, const char *who) {
  for (int i = 0; i < LLA__GIVEN; i++)
    if (question->given[i].memory && !lla__is_unwritten(&question->given[i], who, &question->why)) return 0;
  for (int i = 0; i < count; i++)
    if (results[i].memory && !lla__is_written(&results[i], who, &question->why)) return 0;
  return 1;
}

/* Calls the author's functions; 0 where the answer is an error, and question->why says which. */
static int lla__call(const lla_program *program, lla__question *question, lla__tensor *results) {
  const lla_case *c = &question->c;
  const lla__format format = question->given[LLA__V].format;
  const int64_t values[] = {c->B, c->T, c->H, c->V}, states[] = {c->n, c->H, c->L, c->K, c->V};
  if (!lla__prepare(&results[LLA__O], "o", format, 4, values, &question->why)) return 0;
  if (program->state && strcmp(c->system, "softmax") != 0 &&
      !lla__prepare(&results[LLA__FINAL_STATE], "finalState", format, 5, states, &question->why))
    return 0;
  const int64_t size = program->chunk_size ? program->chunk_size : (int64_t)LLA__CHUNK_SIZE, N = (c->T + size - 1) / size;
  const int64_t chunks[] = {c->B, N, c->H, c->K, c->V}, steps[] = {c->B, c->T, c->H, c->L, c->K, c->V}, parts[] = {c->B, c->T, c->H, c->L, c->V};
  if ((question->shown[0] && !lla__prepare(&results[LLA__CHUNK_STATES], "intermediates.chunkStates", format, 5, chunks, &question->why)) ||
      (question->shown[1] && !lla__prepare(&results[LLA__STATES], "intermediates.states", format, 6, steps, &question->why)) ||
      (question->shown[2] && !lla__prepare(&results[LLA__LEVEL_OUTPUTS], "intermediates.levelOutputs", format, 5, parts, &question->why)))
    return 0;
  lla_outputs out;
  out.o = lla__target(&results[LLA__O]);
  out.final_state = lla__target(&results[LLA__FINAL_STATE]);
  out.chunk_states = lla__target(&results[LLA__CHUNK_STATES]);
  out.states = lla__target(&results[LLA__STATES]);
  out.level_outputs = lla__target(&results[LLA__LEVEL_OUTPUTS]);
  const char *refusal = program->forward(c, &out);
  if (refusal) return lla__append(&question->why, refusal, strlen(refusal)), 0;
  if (!lla__is_well_behaved(question, results, LLA__GRADIENTS, "forward")) return 0;
  if (!c->wants_gradients) return 1;
  if (!program->backward) return lla__print(&question->why, "gradients are asked for, and the program has none"), 0;
  lla__tensor *gradients = results + LLA__GRADIENTS;
  for (int i = 0; i < LLA__INPUTS; i++) {
    const lla__tensor *input = &question->given[i];
    if (input->memory && !lla__prepare(&gradients[i], lla__gradient_names[i], format, input->rank, input->shape, &question->why)) return 0;
  }
  lla_gradients by;
  lla_result *const targets[LLA__INPUTS] = {&by.q, &by.k, &by.v, &by.g, &by.beta, &by.lambda, &by.initial_state};
  for (int i = 0; i < LLA__INPUTS; i++) *targets[i] = lla__target(&gradients[i]);
  refusal = program->backward(c, &by);
  if (refusal) return lla__append(&question->why, refusal, strlen(refusal)), 0;
  return lla__is_well_behaved(question, results, LLA__RESULTS, "backward");
}

static double lla__value_at(const lla__tensor *tensor, size_t i) {
  unsigned char little[8];
  double value;
  size_t width = lla__formats[tensor->format].width;
  uint64_t bits = lla__native(tensor->data + i * width, width);
  for (size_t byte = 0; byte < width; byte++) little[byte] = (unsigned char)(bits >> (8 * byte));
  lla__convert((unsigned char *)&value, LLA__F64, little, tensor->format, 1);
  return value;
}

/* Whether two calls answered the same bits. */
static int lla__is_same(const lla__tensor *first, const lla__tensor *second, lla__text *why) {
  for (int i = 0; i < LLA__RESULTS; i++) {
    size_t width = lla__formats[first[i].format].width, differ = 0, at = 0;
    if (!first[i].memory || memcmp(first[i].data, second[i].data, first[i].count * width) == 0) continue;
    for (size_t j = first[i].count; j-- > 0;) {
      if (memcmp(first[i].data + j * width, second[i].data + j * width, width) == 0) continue;
      differ++;
      at = j;
    }
    lla__print(why, "called twice with the same inputs, ");
    lla__place(why, &first[i], at);
    lla__print(why, " was %.17g and then %.17g (numbers that differ: %lu)", lla__value_at(&first[i], at), lla__value_at(&second[i], at),
               (unsigned long)differ);
    return 0;
  }
  return 1;
}

static void lla__send_line(lla__text *line) {
  lla__append(line, "\n", 1);
  lla__write(line->at, line->length);
  free(line->at);
}

static void lla__send_error(const lla__question *question) {
  lla__text line = {NULL, 0, 0};
  lla__print(&line, "{\"type\":\"error\",\"id\":%lld,\"message\":", (long long)question->id);
  lla__quote(&line, question->why.length > 0 ? question->why.at : "no reason given", 4000);
  lla__append(&line, "}", 1);
  lla__send_line(&line);
}

static void lla__send_answer(const lla__question *question, const lla__tensor *results) {
  lla__text line = {NULL, 0, 0};
  lla__print(&line, "{\"type\":\"answer\",\"id\":%lld,\"tensors\":[", (long long)question->id);
  const char *comma = "";
  for (int i = 0; i < LLA__RESULTS; i++) {
    if (!results[i].memory) continue;
    lla__print(&line, "%s{\"name\":\"%s\",\"dtype\":\"%s\",\"shape\":[", comma, results[i].name, lla__formats[results[i].format].name);
    for (int axis = 0; axis < results[i].rank; axis++) lla__print(&line, axis ? ",%ld" : "%ld", (long)results[i].shape[axis]);
    lla__print(&line, "]}");
    comma = ",";
  }
  lla__print(&line, "]}");
  lla__send_line(&line);
  static unsigned char piece[8 * 1024];
  for (int i = 0; i < LLA__RESULTS; i++) {
    if (!results[i].memory) continue;
    size_t width = lla__formats[results[i].format].width;
    for (size_t done = 0; done < results[i].count;) {
      size_t some = results[i].count - done < 1024 ? results[i].count - done : 1024;
      for (size_t j = 0; j < some; j++) {
        uint64_t bits = lla__native(results[i].data + (done + j) * width, width);
        for (size_t byte = 0; byte < width; byte++) piece[j * width + byte] = (unsigned char)(bits >> (8 * byte));
      }
      lla__write(piece, some * width);
      done += some;
    }
  }
}

static void lla__answer(const lla_program *program, lla__question *question) {
  lla__tensor first[LLA__RESULTS], second[LLA__RESULTS];
  memset(first, 0, sizeof first);
  memset(second, 0, sizeof second);
  int is_answered = question->why.length == 0 && lla__call(program, question, first);
  if (is_answered && program->repeat)
    is_answered = lla__call(program, question, second) && lla__is_same(first, second, &question->why);
  if (is_answered) lla__send_answer(question, first);
  else lla__send_error(question);
  for (int i = 0; i < LLA__RESULTS; i++) {
    lla__free(&first[i]);
    lla__free(&second[i]);
  }
}

/* ---- the description ---- */

/* Appends names with spaces between them as a list of JSON strings. */
static void lla__describe_names(lla__text *line, const char *field, const char *names) {
  const char *comma = "";
  lla__print(line, ",\"%s\":[", field);
  for (const char *name = names; name && *name;) {
    size_t length = strcspn(name, " ");
    char one[101];
    if (length > 100) lla__stop(LLA__BAD_PROGRAM, "%s has a name of more than 100 characters: names are separated by spaces", field);
    memcpy(one, name, length);
    one[length] = 0;
    if (length > 0) {
      lla__append(line, comma, strlen(comma));
      lla__quote(line, one, length);
      comma = ",";
    }
    name += length + strspn(name + length, " ");
  }
  if (!*comma) lla__stop(LLA__BAD_PROGRAM, "%s has to name at least one", field);
  lla__append(line, "]", 1);
}

static void lla__describe_limit(lla__text *line, const char *letter, const lla_limit *limit, const char **comma) {
  const struct {
    const char *name;
    int64_t value;
  } counts[] = {{"min", limit->min}, {"max", limit->max}, {"multipleOf", limit->multiple_of}};
  const char *inner = "";
  if (!limit->min && !limit->max && !limit->multiple_of && !limit->power_of_two) return;
  lla__print(line, "%s\"%s\":{", *comma, letter);
  for (int i = 0; i < 3; i++) {
    if (counts[i].value == 0) continue;
    if (counts[i].value < 0 || counts[i].value > 2147483647)
      lla__stop(LLA__BAD_PROGRAM, "limits.%s.%s is %ld: an integer from 0 to 2147483647 is wanted", letter, counts[i].name, (long)counts[i].value);
    lla__print(line, "%s\"%s\":%ld", inner, counts[i].name, (long)counts[i].value);
    inner = ",";
  }
  if (limit->power_of_two) lla__print(line, "%s\"powerOfTwo\":true", inner);
  lla__append(line, "}", 1);
  *comma = ",";
}

/* The description of a program, checked as far as it can be here. */
static lla__text lla__describe(const lla_program *program) {
  lla__text line = {NULL, 0, 0};
  size_t length = 0;
  for (const char *s = program->name; s && *s; s++) length += ((unsigned char)*s & 0xC0) != 0x80;
  if (length < 1 || length > 100) lla__stop(LLA__BAD_PROGRAM, "name must have 1 to 100 characters");
  if (!program->forward) lla__stop(LLA__BAD_PROGRAM, "forward is not set");
  if (program->numbers == LLA_FLOAT && program->dtypes && strstr(program->dtypes, "float64"))
    lla__stop(LLA__BAD_PROGRAM, "float64 does not fit into LLA_FLOAT: take LLA_BY_DTYPE or LLA_DOUBLE");
  if (program->chunk_size < 0 || (program->chunk_size & (program->chunk_size - 1)) != 0 || program->chunk_size > 32768)
    lla__stop(LLA__BAD_PROGRAM, "chunk_size must be a power of two, at most 32768");
  lla__append(&line, "{\"type\":\"description\",\"version\":1,\"name\":", 41);
  lla__quote(&line, program->name, SIZE_MAX);
  lla__describe_names(&line, "systems", program->systems);
  lla__describe_names(&line, "dtypes", program->dtypes);
  const struct {
    const char *name;
    int value;
  } flags[] = {
      {"gradients", program->backward != NULL}, {"state", program->state},           {"packed", program->packed}, {"groups", program->groups},
      {"structures", program->structures},      {"resets", program->resets},         {"growth", program->growth},
      {"strongBeta", program->strong_beta},
  };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) lla__print(&line, ",\"%s\":%s", flags[i].name, flags[i].value ? "true" : "false");
  if (program->no_large) lla__print(&line, ",\"large\":false");
  if (program->intermediates && *program->intermediates) lla__describe_names(&line, "intermediates", program->intermediates);
  if (program->chunk_size) lla__print(&line, ",\"chunkSize\":%ld", (long)program->chunk_size);
  const char *comma = "";
  lla__print(&line, ",\"limits\":{");
  lla__describe_limit(&line, "B", &program->limits.B, &comma);
  lla__describe_limit(&line, "T", &program->limits.T, &comma);
  lla__describe_limit(&line, "H", &program->limits.H, &comma);
  lla__describe_limit(&line, "G", &program->limits.G, &comma);
  lla__describe_limit(&line, "K", &program->limits.K, &comma);
  lla__describe_limit(&line, "V", &program->limits.V, &comma);
  lla__print(&line, "}}");
  return line;
}

static void lla__check_version(const lla__json *json, const lla__node *message) {
  const lla__node *versions = lla__of_kind(lla__member(json, message, "versions"), LLA__ARRAY, "versions");
  for (int i = versions->first; i; i = json->nodes[i].next)
    if (json->nodes[i].kind == LLA__NUMBER && json->nodes[i].number == 1) return;
  lla__stop(LLA__BAD_MESSAGE, "the gate does not speak version 1 of the protocol, which is this adapter's");
}

lla_sequence lla_sequence_of(const lla_case *c, int64_t i) {
  lla_sequence sequence;
  sequence.first = c->cu_seqlens ? c->cu_seqlens[i] : i * c->T;
  sequence.length = c->cu_seqlens ? c->cu_seqlens[i + 1] - c->cu_seqlens[i] : c->T;
  return sequence;
}

int lla_serve(const lla_program *program) {
  lla__text line = {NULL, 0, 0}, description = lla__describe(program);
  lla__json json;
  memset(&json, 0, sizeof json);
  lla__open_pipes();
  while (lla__read_line(&line)) {
    int whole = lla__parse(&json, line.at, line.length);
    if (!whole)
      lla__stop(LLA__BAD_MESSAGE, "the gate sent a line that is no JSON: %s (byte %lu)", json.fault, (unsigned long)(json.at - json.start));
    const lla__node *message = &json.nodes[whole];
    if (message->kind != LLA__OBJECT) lla__stop(LLA__BAD_MESSAGE, "the gate sent a line that is no JSON object");
    const char *type = lla__word(lla__member(&json, message, "type"), "type");
    if (strcmp(type, "bye") == 0) break;
    if (strcmp(type, "describe") == 0) {
      lla__check_version(&json, message);
      lla__write(description.at, description.length);
      lla__write("\n", 1);
    } else if (strcmp(type, "case") == 0) {
      lla__question question;
      lla__read_case(&question, program, &json, message);
      lla__answer(program, &question);
      lla__free_case(&question);
    } else {
      lla__stop(LLA__BAD_MESSAGE, "the gate sent a message that this adapter does not know: %.40s", type);
    }
  }
  free(line.at);
  free(description.at);
  free(json.nodes);
  return 0;
}

#ifdef __cplusplus
}
#endif
#endif /* LLA_ADAPTER_IMPLEMENTATION */
