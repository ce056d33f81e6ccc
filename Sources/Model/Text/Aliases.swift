/// Short names that people know, and the repositories of the Hub that they mean. A person's own aliases are another
/// table.
public enum Aliases {
    /// The Hub id of a built-in alias. Case does not count.
    public static func hubID(of name: String) -> String? { builtIn[name.lowercased()] }

    /// In alphabetical order.
    public static var names: [String] { builtIn.keys.sorted() }

    static let builtIn: [String: String] = [
        "all-minilm-l6-v2": "sentence-transformers/all-MiniLM-L6-v2",
        "all-mpnet-base-v2": "sentence-transformers/all-mpnet-base-v2",
        "bert-base-uncased": "google-bert/bert-base-uncased",
        "bge-m3": "BAAI/bge-m3",
        "bge-small-en-v1.5": "BAAI/bge-small-en-v1.5",
        "clip-vit-base-patch32": "openai/clip-vit-base-patch32",
        "deepseek-r1": "deepseek-ai/DeepSeek-R1",
        "deepseek-v3": "deepseek-ai/DeepSeek-V3",
        "distilbert": "distilbert/distilbert-base-uncased",
        "distilgpt2": "distilbert/distilgpt2",
        "flan-t5-base": "google/flan-t5-base",
        "gemma-2-2b": "google/gemma-2-2b",
        "gemma-2-2b-it": "google/gemma-2-2b-it",
        "gemma-2-9b": "google/gemma-2-9b",
        "gemma-2-9b-it": "google/gemma-2-9b-it",
        "gpt2": "openai-community/gpt2",
        "gpt2-large": "openai-community/gpt2-large",
        "gpt2-medium": "openai-community/gpt2-medium",
        "gpt2-xl": "openai-community/gpt2-xl",
        "llama-2-7b": "meta-llama/Llama-2-7b-hf",
        "llama-2-7b-chat": "meta-llama/Llama-2-7b-chat-hf",
        "llama-3.1-8b": "meta-llama/Llama-3.1-8B",
        "llama-3.1-8b-instruct": "meta-llama/Llama-3.1-8B-Instruct",
        "llama-3.1-70b": "meta-llama/Llama-3.1-70B",
        "llama-3.1-70b-instruct": "meta-llama/Llama-3.1-70B-Instruct",
        "llama-3.2-1b": "meta-llama/Llama-3.2-1B",
        "llama-3.2-1b-instruct": "meta-llama/Llama-3.2-1B-Instruct",
        "llama-3.2-3b": "meta-llama/Llama-3.2-3B",
        "llama-3.2-3b-instruct": "meta-llama/Llama-3.2-3B-Instruct",
        "llama-3.3-70b-instruct": "meta-llama/Llama-3.3-70B-Instruct",
        "mistral-7b": "mistralai/Mistral-7B-v0.1",
        "mistral-7b-instruct": "mistralai/Mistral-7B-Instruct-v0.1",
        "mixtral-8x7b": "mistralai/Mixtral-8x7B-v0.1",
        "mixtral-8x7b-instruct": "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "olmo-2-7b": "allenai/OLMo-2-1124-7B",
        "phi-2": "microsoft/phi-2",
        "phi-3-mini": "microsoft/Phi-3-mini-4k-instruct",
        "phi-4": "microsoft/phi-4",
        "pythia-70m": "EleutherAI/pythia-70m",
        "qwen2.5-0.5b": "Qwen/Qwen2.5-0.5B",
        "qwen2.5-0.5b-instruct": "Qwen/Qwen2.5-0.5B-Instruct",
        "qwen2.5-7b": "Qwen/Qwen2.5-7B",
        "qwen2.5-7b-instruct": "Qwen/Qwen2.5-7B-Instruct",
        "qwen3-0.6b": "Qwen/Qwen3-0.6B",
        "qwen3-8b": "Qwen/Qwen3-8B",
        "smollm2-135m": "HuggingFaceTB/SmolLM2-135M",
        "smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "t5-small": "google-t5/t5-small",
        "tinyllama": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "whisper-small": "openai/whisper-small",
    ]
}
