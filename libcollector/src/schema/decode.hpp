// From a block's body to an argument struct, with every complaint placed in the source. Pure.
#pragma once

#include <collector/engine/arguments.hpp>

#include "syntax/evaluator.hpp"
#include "syntax/tree.hpp"

#include <memory>
#include <string>
#include <vector>

namespace collector::schema {

struct EvaluatedBlock;

/// A body with its expressions evaluated, still in the shape of the source.
struct EvaluatedBody {
  struct Attribute {
    std::string name;
    syntax::Span name_span;
    syntax::ExpressionPtr expression;
    syntax::Value value;
  };
  std::vector<Attribute> attributes;
  std::vector<EvaluatedBlock> blocks;
};
struct EvaluatedBlock {
  std::shared_ptr<const syntax::Block> source;
  EvaluatedBody body;
};

/// Equal names, labels and values; where they stand in the file does not count.
bool same(const EvaluatedBody& a, const EvaluatedBody& b);

/// Checks names, presence and repetition without evaluating anything, so that all of a file's
/// mistakes of this kind come out at once. `block` is whose body it is: missing arguments are
/// placed at its name.
void check_shape(const syntax::Block& block, const StructInfo& info, const std::string& file,
                 syntax::Diagnostics& diagnostics);

/// Evaluates every expression of `body`; on errors the result lacks what failed.
EvaluatedBody evaluate_body(const syntax::Body& body, const syntax::Scope& scope,
                            const std::string& file, syntax::Diagnostics& diagnostics);

/// Fills `*into`, which holds the defaults, and validates it. False when errors were added. The
/// shape was checked before. When the body is not `complete`, rules that span fields are not asked.
bool decode(const EvaluatedBody& body, const StructInfo& info, const std::string& file,
            syntax::Span whole, void* into, syntax::Diagnostics& diagnostics, bool complete = true);

/// An argument or export struct as an object of the language; secrets stay capsules or read
/// `(secret)`, as their codec says.
syntax::Object encode(const StructInfo& info, const void* from);

}  // namespace collector::schema
